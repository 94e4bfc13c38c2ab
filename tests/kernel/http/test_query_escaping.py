from masterlinc.http.query import escaped


def test_raw_arabic_in_a_query_is_escaped_and_the_rest_left_as_sent():
    raw = "search=محمد&page_size=2&x=%D9%85+a".encode()
    assert escaped(raw) == b"search=%D9%85%D8%AD%D9%85%D8%AF&page_size=2&x=%D9%85+a"
    assert escaped(b"page=1&q=%D9") == b"page=1&q=%D9"
