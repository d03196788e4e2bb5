import pyarrow as pa

from foretaste.data import Batch
from foretaste.encoders.language_id import LanguageId


def languages(*texts):
    rows = Batch([str(i) for i in range(len(texts))], {"text": pa.array(texts, pa.large_string())})
    return LanguageId().encode(rows, None)["language"].tolist()


def test_languages_are_told_apart():
    assert languages(
        "The delivery was late and the box was damaged",
        "یہ پروڈکٹ بہت اچھی ہے، میں خوش ہوں",
        "Sản phẩm này rất tốt, tôi rất hài lòng",
        "Das Paket kam zu spät und war beschädigt",
    ) == ["en", "ur", "vi", "de"]


def test_a_text_too_short_or_without_words_is_undetermined():
    assert languages("ok", "", None, "12345 67890 !!!", "https://example.com/a/b/c") == ["und"] * 5


def test_capitals_digits_and_line_breaks_do_not_matter():
    one, two = languages(
        "see you at the office tomorrow", "SEE YOU AT\nTHE OFFICE\n\nTOMORROW 17:30"
    )
    assert one == two == "en"


def test_no_rows_have_no_language():
    assert languages() == []
