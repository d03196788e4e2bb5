module foretaste.example/outside

go 1.25.0

require golang.org/x/mod v0.36.0

// The copy that Go's own module checks use, taken out of the toolchain when this is built.
replace golang.org/x/mod => ./mod
