"""A log in memory, its witnesses, and a policy of both."""

from foretaste.ledger import merkle
from foretaste.ledger.checkpoint import Checkpoint, signed
from foretaste.ledger.keys import LOG, WITNESS, WITNESS_ML_DSA, SigningKey
from foretaste.ledger.policy import Group, Log, Policy, Witness
from foretaste.ledger.tlog_proof import TlogProof
from foretaste.ledger.witness_wire import AddCheckpoint

KEY = SigningKey("example.com/log", LOG, b"l" * 32)
NORTH = SigningKey("north.example", WITNESS, b"n" * 32)
SOUTH = SigningKey("south.example", WITNESS, b"s" * 32)
LATER = SigningKey("later.example", WITNESS_ML_DSA, b"p" * 32)
STRANGER = SigningKey("example.com/log", LOG, b"x" * 32)


class Tree:
    """Entries and what a log signs about them; `fork` changes the entry of that number."""

    def __init__(self, size, key=KEY, fork=None):
        self.key = key
        self.entries = [b"entry %d" % i for i in range(size)]
        if fork is not None:
            self.entries[fork] += b" of another log"

    def hashes(self, height, index):
        some = self.entries[index << height : (index + 1) << height]
        row = [merkle.leaf_hash(one) for one in some]
        while len(row) > 1:
            row = [merkle.node_hash(*row[i : i + 2]) for i in range(0, len(row), 2)]
        return row[0]

    def checkpoint(self, size=None):
        size = len(self.entries) if size is None else size
        return Checkpoint(self.key.name, size, merkle.root(size, self.hashes))

    def note(self, size=None, witnesses=(), when=1_000):
        note = signed(self.checkpoint(size), [self.key])
        return note.having(one.sign(note.text, when) for one in witnesses)

    def grown(self, old, new):
        return merkle.consistency(old, new, self.hashes)

    def request(self, old, size=None):
        size = len(self.entries) if size is None else size
        proof = self.grown(old, size) if old <= size else ()
        return AddCheckpoint(old, proof, self.note(size).content).content

    def proof(self, index, witnesses=(NORTH, SOUTH), extra=b""):
        path = merkle.inclusion(index, len(self.entries), self.hashes)
        return TlogProof(index, path, self.note(witnesses=witnesses).content, extra)


def policy(quorum="both", least=2):
    """The log, and two witnesses of whom both must have signed."""
    return Policy(
        quorum,
        (Log(KEY.verifier, "https://example.com/log"),),
        (Witness("north", NORTH.verifier), Witness("south", SOUTH.verifier)),
        (Group("both", least, ("north", "south")),),
    )
