"""Bitcoin Core's consensus kernel on a regtest chain, driven by JSON lines.

    python bitcoin.py DATA_DIRECTORY

The first line out is {"ready": {"height": …}}. Then one request a line in, one answer a line
out: {"ok": …} or {"error": "…"}. The process ends when its input ends.

    {"call": "fund", "script": HEX, "sats": N}       a confirmed coin under this script
    {"call": "spend", "raw": HEX}                    mine a block that holds this transaction
    {"call": "refuse", "raw": HEX, "input": N}       the same with one signature byte flipped

A verdict is {"accepted", "reason", "height", "txid"}; it is read from the kernel's own
block_checked callback and from the tip, never from process_block, which calls a block "new"
whether it is valid or not.
"""

import hashlib
import json
import struct
import sys
import time

import pbk

SUBSIDY = 50 * 100_000_000
MATURITY = 100
ANYONE_CAN_SPEND = bytes([0x51])
EASIEST_TARGET = 0x207FFFFF


def double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def compact_size(n: int) -> bytes:
    if n < 0xFD:
        return bytes([n])
    if n <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", n)
    return b"\xfe" + struct.pack("<I", n)


class Reader:
    """Takes a transaction apart; a short or overlong one is an error."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, n: int) -> bytes:
        part = self.data[self.at : self.at + n]
        if len(part) != n:
            raise ValueError("transaction is cut short")
        self.at += n
        return part

    def number(self) -> int:
        first = self.take(1)[0]
        width = {0xFD: 2, 0xFE: 4, 0xFF: 8}.get(first, 0)
        return int.from_bytes(self.take(width), "little") if width else first

    def string(self) -> bytes:
        return self.take(self.number())


class Transaction:
    """A transaction with its witness kept apart, so that both ids can be computed."""

    def __init__(self, version, inputs, outputs, witness, locktime):
        self.version, self.inputs, self.outputs = version, inputs, outputs
        self.witness, self.locktime = witness, locktime

    @classmethod
    def parse(cls, raw: bytes) -> "Transaction":
        r = Reader(raw)
        version = r.take(4)
        segwit = raw[4:6] == b"\x00\x01"
        if segwit:
            r.take(2)
        inputs = [(r.take(36), r.string(), r.take(4)) for _ in range(r.number())]
        outputs = [(r.take(8), r.string()) for _ in range(r.number())]
        witness = [
            [r.string() for _ in range(r.number())] if segwit else [] for _ in inputs
        ]
        locktime = r.take(4)
        if r.at != len(raw):
            raise ValueError("bytes follow the transaction")
        return cls(version, inputs, outputs, witness, locktime)

    def body(self) -> bytes:
        parts = [compact_size(len(self.inputs))]
        parts += [
            outpoint + compact_size(len(script)) + script + sequence
            for outpoint, script, sequence in self.inputs
        ]
        parts.append(compact_size(len(self.outputs)))
        parts += [
            value + compact_size(len(script)) + script for value, script in self.outputs
        ]
        return b"".join(parts)

    def without_witness(self) -> bytes:
        return self.version + self.body() + self.locktime

    def bytes(self) -> bytes:
        if not any(self.witness):
            return self.without_witness()
        stacks = b"".join(
            compact_size(len(stack))
            + b"".join(compact_size(len(item)) + item for item in stack)
            for stack in self.witness
        )
        return self.version + b"\x00\x01" + self.body() + stacks + self.locktime

    def txid(self) -> bytes:
        return double_sha256(self.without_witness())

    def wtxid(self) -> bytes:
        return double_sha256(self.bytes())


def amount(sats: int) -> bytes:
    return struct.pack("<q", sats)


def simple_transaction(outpoint, script, outputs, witness=()) -> Transaction:
    return Transaction(
        struct.pack("<i", 2),
        [(outpoint, script, b"\xff\xff\xff\xff")],
        outputs,
        [list(witness)],
        bytes(4),
    )


def merkle_root(leaves: list) -> bytes:
    while len(leaves) > 1:
        if len(leaves) % 2:
            leaves = leaves + leaves[-1:]
        leaves = [
            double_sha256(leaves[i] + leaves[i + 1]) for i in range(0, len(leaves), 2)
        ]
    return leaves[0]


def height_push(height: int) -> bytes:
    """The height that a coinbase must begin with (BIP-34), and two bytes to reach its minimum length."""
    if height <= 16:
        return bytes([0x50 + height, 0, 0])
    number = height.to_bytes((height.bit_length() + 8) // 8, "little")
    return bytes([len(number)]) + number + b"\x00\x00"


def coinbase(height: int, transactions: list) -> Transaction:
    """Pays everybody's subsidy to anyone, and commits to the witnesses (BIP-141)."""
    outputs = [(amount(SUBSIDY >> (height // 150)), ANYONE_CAN_SPEND)]
    reserved = bytes(32)
    if any(any(t.witness) for t in transactions):
        root = merkle_root([bytes(32)] + [t.wtxid() for t in transactions])
        outputs.append(
            (amount(0), bytes.fromhex("6a24aa21a9ed") + double_sha256(root + reserved))
        )
        return simple_transaction(
            bytes(32) + b"\xff\xff\xff\xff", height_push(height), outputs, [reserved]
        )
    return simple_transaction(
        bytes(32) + b"\xff\xff\xff\xff", height_push(height), outputs
    )


class Chain:
    """A regtest chain whose miner and wallet of plain coins we are."""

    def __init__(self, directory: str):
        self.verdicts = {}
        self.callbacks = pbk.ValidationInterfaceCallbacks(block_checked=self.checked)
        self.kernel = pbk.load_chainman(
            directory, pbk.ChainType.REGTEST, self.callbacks
        )
        self.time = int(time.time()) - 7200
        self.coins = []
        matured = []
        for _ in range(MATURITY + 1):
            matured.append(self.mine([])["coinbase"])
        self.coins.append(matured[0])

    def checked(self, _user_data, block, state):
        mode, result = state.validation_mode, state.block_validation_result
        self.verdicts[bytes(block.block_hash)] = (
            "valid" if mode == pbk.ValidationMode.VALID else result.name.lower()
        )

    def tip(self):
        return self.kernel.get_active_chain().block_tree_entries[-1]

    def mine(self, transactions: list) -> dict:
        tip = self.tip()
        height = tip.height + 1
        self.time += 1
        reward = coinbase(height, transactions)
        block = [reward] + transactions
        header = struct.pack("<i", 0x20000000) + bytes(tip.block_hash)
        header += merkle_root([t.txid() for t in block])
        header += struct.pack("<II", self.time, EASIEST_TARGET)
        header = solve(header)
        raw = (
            header + compact_size(len(block)) + b"".join(t.bytes() for t in block)
        )
        try:
            self.kernel.process_block(pbk.Block(raw))
        except pbk.ProcessBlockException:
            # an invalid block may be refused before it is stored; the verdict says why
            pass
        block_hash = double_sha256(header)
        accepted = bytes(self.tip().block_hash) == block_hash
        return {
            "accepted": accepted,
            "reason": self.verdicts.get(block_hash, "not checked"),
            "height": self.tip().height,
            "coinbase": (reward.txid(), 0, SUBSIDY >> (height // 150)),
        }

    def fund(self, script: bytes, sats: int) -> dict:
        """Moves `sats` of a plain coin under `script`; the rest stays a plain coin."""
        txid, index, have = self.coins.pop()
        if not 0 < sats < have:
            self.coins.append((txid, index, have))
            raise ValueError(f"can fund up to {have - 1} sats")
        outputs = [(amount(sats), script), (amount(have - sats), ANYONE_CAN_SPEND)]
        funding = simple_transaction(txid + struct.pack("<I", index), b"", outputs)
        verdict = self.mine([funding])
        if not verdict["accepted"]:
            raise RuntimeError(f"funding was refused: {verdict['reason']}")
        self.coins.append((funding.txid(), 1, have - sats))
        return {
            "txid": funding.txid()[::-1].hex(),
            "vout": 0,
            "sats": sats,
            "script": script.hex(),
            "raw": funding.bytes().hex(),
        }

    def spend(self, transaction: Transaction) -> dict:
        verdict = self.mine([transaction])
        del verdict["coinbase"]
        return verdict | {"txid": transaction.txid()[::-1].hex()}


def solve(header: bytes) -> bytes:
    """Finds the nonce; on regtest every second one will do."""
    target = (EASIEST_TARGET & 0xFFFFFF) << (8 * ((EASIEST_TARGET >> 24) - 3))
    nonce = 0
    while True:
        candidate = header + struct.pack("<I", nonce)
        if int.from_bytes(double_sha256(candidate), "little") <= target:
            return candidate
        nonce += 1


def flip_signature_byte(transaction: Transaction, index: int) -> Transaction:
    """Changes byte 10 of the first witness item: inside r of a DER signature, inside R of BIP-340.

    The coinbase then commits to the changed witness and the block is mined for it, so what the
    kernel refuses is the signature itself and not a block that was tampered with afterwards.
    """
    stack = transaction.witness[index]
    if not stack or len(stack[0]) < 64:
        raise ValueError("this input has no signature in its first witness item")
    item = bytearray(stack[0])
    item[10] ^= 0x01
    stack[0] = bytes(item)
    return transaction


def answer(chain: Chain, request: dict) -> dict:
    call = request["call"]
    if call == "fund":
        return chain.fund(bytes.fromhex(request["script"]), int(request["sats"]))
    transaction = Transaction.parse(bytes.fromhex(request["raw"]))
    if call == "spend":
        return chain.spend(transaction)
    if call == "refuse":
        return chain.spend(flip_signature_byte(transaction, int(request["input"])))
    raise ValueError(f"unknown call {call}")


def main() -> None:
    chain = Chain(sys.argv[1])
    say({"ready": {"height": chain.tip().height}})
    for line in sys.stdin:
        try:
            say({"ok": answer(chain, json.loads(line))})
        except Exception as error:  # one bad request must not end the peer
            say({"error": f"{type(error).__name__}: {error}"})


def say(value: dict) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
