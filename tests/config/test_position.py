from sfu.config.position import line_of

TEXT = """\
# settings
top = 1

[server]
port = 7800  # comment
"quoted key" = 2
hosts = [
  "port = 3",
  "b",
]
note = \"\"\"
port = 4
\"\"\"
after = 1

[tenants.acme]
secret = "x"

  [ tenants . "with.dot" ]
  secret = "y"
"""


def test_keys_and_tables() -> None:
    assert line_of(TEXT, ["top"]) == 2
    assert line_of(TEXT, ["server"]) == 4
    assert line_of(TEXT, ["server", "port"]) == 5
    assert line_of(TEXT, ["server", "quoted key"]) == 6
    assert line_of(TEXT, ["server", "after"]) == 14
    assert line_of(TEXT, ["tenants", "acme", "secret"]) == 17
    assert line_of(TEXT, ["tenants", "with.dot", "secret"]) == 20


def test_a_key_that_is_not_there_is_placed_at_what_encloses_it() -> None:
    assert line_of(TEXT, ["tenants", "acme", "webhook_url"]) == 16
    assert line_of(TEXT, ["server", "hosts", "1"]) == 7
    assert line_of(TEXT, ["elsewhere", "x"]) is None


def test_inline_tables_and_dotted_keys() -> None:
    text = 'server.port = 1\ntenants = { acme = { secret = "x" } }\n'
    assert line_of(text, ["server", "port"]) == 1
    assert line_of(text, ["tenants", "acme", "secret"]) == 2
