"""Ways to say which parts of a row made a model predict as it did; one file a method."""
