"""Which methods of a client a script has called: an admin client's are to be tried all."""


class Watched:
    """Stands for a client and notes what is called."""

    def __init__(self, client, left_out=()):
        self.client = client
        self.left = {name for name in dir(client) if not name.startswith("_") and callable(getattr(client, name))}
        self.left -= set(left_out)

    def __getattr__(self, name):
        self.left.discard(name)
        return getattr(self.client, name)

    def check(self):
        assert not self.left, f"never called: {sorted(self.left)}"


def same(found, expected, what=""):
    assert found == expected, f"{what}: {found!r} and not {expected!r}"


def until(good, what):
    """Metadata may take a moment to be everywhere."""
    import time
    end = time.time() + 30
    while not good():
        assert time.time() < end, f"never happened: {what}"
        time.sleep(0.05)
