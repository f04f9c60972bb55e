"""What a test has seen, in numbers, whether it passes or not."""


def seen(text):
    """A line of its own: `./dev test` shows those that begin so of a test that passed, too."""
    print(f"\nseen: {text}", flush=True)


def seen_by(test, text):
    """A test's name is the sentence that it is about."""
    seen(test.id().rsplit(".test_", 1)[1].replace("_", " ") + f": {text}")
