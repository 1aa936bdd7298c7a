"""Reads a backup as spec/backup.md says, with nothing but Python's own integers and hashes: a second
reading of the page, which shares no line with the first.

    python backup.py

The first line out is {"ready": {}}. Then one request a line in, one answer a line out: {"ok": ...} or
{"error": "..."}. The process ends when its input ends.

    {"call": "read", "curve": NAME, "bundle": HEX, "custodians": [{"kind": KIND, "seed": HEX}, ...]}

KIND is x25519 or p256; hybrid and RSA keys are not read. The answer is {"verified": whether the proof
holds, "secrets": what these custodians restore, or null}.

    {"call": "possess", "kind": KIND, "seed": HEX, "challenges": HEX}

The answer is {"answers": the file of answers}.
"""

import hashlib
import itertools
import json
import struct
import sys

ROWS, CLOSED = 221, 32


# ---- encodings and hashes


def read(data, at=0):
    """One CBOR item of the subset: numbers, byte strings, texts, arrays."""
    kind, value = data[at] >> 5, data[at] & 31
    at += 1
    if value >= 24:
        length = 1 << (value - 24)
        value = int.from_bytes(data[at : at + length], "big")
        at += length
    if kind == 0:
        return value, at
    if kind in (2, 3):
        return data[at : at + value], at + value
    if kind == 4:
        items = []
        for _ in range(value):
            item, at = read(data, at)
            items.append(item)
        return items, at
    raise ValueError("not in the subset")


def span(data, index):
    """The bytes of one item of the outermost array."""
    at = 1
    for _ in range(index):
        _, at = read(data, at)
    return data[at : read(data, at)[1]]


def number(value):
    return value.to_bytes(8, "big")


def collected(tag, parts):
    tag = f"quorate/{tag}/v1".encode()
    return b"".join(number(len(part)) + part for part in (tag, *parts))


def digest(tag, *parts):
    return hashlib.sha256(collected(tag, parts)).digest()


def wide(tag, *parts):
    return hashlib.sha512(collected(tag, parts)).digest()


def counted(parts):
    return (number(len(parts)), *parts)


class Stream:
    """ChaCha20 with nonce and counter zero, in whole words of four bytes."""

    def __init__(self, key):
        self.key, self.counter, self.ready = struct.unpack("<8I", key), 0, b""

    def take(self, length):
        whole = -(-length // 4) * 4
        while len(self.ready) < whole:
            self.ready += self.block()
        taken, self.ready = self.ready[:length], self.ready[whole:]
        return taken

    def block(self):
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *self.key]
        start += [self.counter & 0xFFFFFFFF, self.counter >> 32, 0, 0]
        self.counter += 1
        state = list(start)
        for _ in range(10):
            for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
                quarter(state, a, b, c, d)
            for a, b, c, d in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                quarter(state, a, b, c, d)
        return struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(state, start)))


def quarter(state, a, b, c, d):
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[x] = (state[x] + state[y]) & 0xFFFFFFFF
        turned = state[z] ^ state[x]
        state[z] = ((turned << turn) | (turned >> (32 - turn))) & 0xFFFFFFFF


# ---- curves


class Weierstrass:
    """y^2 = x^3 + ax + b; the identity is None."""

    order_bytes = "big"

    def __init__(self, p, a, b, q, x, y):
        self.p, self.a, self.b, self.q, self.base = p, a, b, q, (x, y)

    def add(self, left, right):
        if left is None or right is None:
            return left or right
        (x1, y1), (x2, y2), p = left, right, self.p
        if x1 == x2:
            if (y1 + y2) % p == 0:
                return None
            slope = (3 * x1 * x1 + self.a) * pow(2 * y1, -1, p) % p
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, p) % p
        x = (slope * slope - x1 - x2) % p
        return x, (slope * (x1 - x) - y1) % p

    def minus(self, point):
        return point and (point[0], -point[1] % self.p)

    def encode(self, point):
        return bytes([2 + point[1] % 2]) + point[0].to_bytes(32, "big")

    def decode(self, data):
        x = int.from_bytes(data[1:], "big")
        square = (x**3 + self.a * x + self.b) % self.p
        y = pow(square, (self.p + 1) // 4, self.p)
        if len(data) != 33 or x >= self.p or y * y % self.p != square or data[0] not in (2, 3):
            raise ValueError("no point")
        return x, (y if y % 2 == data[0] - 2 else self.p - y)


class Edwards:
    """-x^2 + y^2 = 1 + dx^2y^2 over 2^255 - 19; the identity is (0, 1)."""

    order_bytes = "little"
    p = 2**255 - 19
    q = 2**252 + 27742317777372353535851937790883648493
    d = -121665 * pow(121666, -1, p) % p

    def __init__(self):
        self.base = self.decode((4 * pow(5, -1, self.p) % self.p).to_bytes(32, "little"))

    def add(self, left, right):
        left, right = left or (0, 1), right or (0, 1)
        (x1, y1), (x2, y2), p = left, right, self.p
        twist = self.d * x1 * x2 * y1 * y2 % p
        x = (x1 * y2 + x2 * y1) * pow(1 + twist, -1, p) % p
        return x, (y1 * y2 + x1 * x2) * pow(1 - twist, -1, p) % p

    def minus(self, point):
        return -point[0] % self.p, point[1]

    def encode(self, point):
        return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")

    def decode(self, data):
        whole = int.from_bytes(data, "little")
        y, sign, p = whole % 2**255, whole >> 255, self.p
        square = (y * y - 1) * pow(self.d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        if x * x % p != square:
            x = x * pow(2, (p - 1) // 4, p) % p
        if x * x % p != square or y >= p or len(data) != 32:
            raise ValueError("no point")
        return (x if x % 2 == sign else p - x), y


def times(curve, scalar, point):
    total = None
    while scalar:
        if scalar & 1:
            total = curve.add(total, point)
        point, scalar = curve.add(point, point), scalar >> 1
    return total


def scalar_bytes(curve, scalar):
    return scalar.to_bytes(32, curve.order_bytes)


def of_wide(curve, data):
    return int.from_bytes(data, curve.order_bytes) % curve.q


P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256 = Weierstrass(
    P256_P,
    P256_P - 3,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SECP256K1 = Weierstrass(
    2**256 - 2**32 - 977,
    0,
    7,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
ED25519 = Edwards()
CURVES = {"secp256k1": SECP256K1, "p256": P256, "ed25519": ED25519}


def x25519(scalar, coordinate):
    """RFC 7748, section 5."""
    p = Edwards.p
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k, x1 = int.from_bytes(k, "little"), int.from_bytes(coordinate, "little") % 2**255
    x2, z2, x3, z3 = 1, 0, x1, 1
    for bit in range(254, -1, -1):
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a, b * b
        e = aa - bb
        swapped = ((da + cb) ** 2 % p, x1 * (da - cb) ** 2 % p)
        x2, z2 = aa * bb % p, e * (aa + 121665 * e) % p
        x3, z3 = swapped
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, -1, p) % p).to_bytes(32, "little")


NINE = (9).to_bytes(32, "little")


# ---- trees


def leaves(tree):
    """The ids at the leaves, in their order."""
    if len(tree) == 1:
        return [tree[0]]
    return [leaf for child in tree[1] for leaf in leaves(child)]


def shares(tree, value, coefficients):
    """The shares of all leaves: the columns of a gate before those of the gates below it."""
    if len(tree) == 1:
        return [value]
    own = [next(coefficients) for _ in range(tree[0] - 1)]
    below = []
    for index, child in enumerate(tree[1], 1):
        at = value + sum(a * index**power for power, a in enumerate(own, 1))
        below += shares(child, at % ED25519.q, coefficients)
    return below


def value(tree, opened):
    """What the opened shares give; None below the threshold. Takes the first children that do."""
    if len(tree) == 1:
        return next(opened)
    known = [(index, value(child, opened)) for index, child in enumerate(tree[1], 1)]
    known = [pair for pair in known if pair[1] is not None][: tree[0]]
    if len(known) < tree[0]:
        return None
    total, q = 0, ED25519.q
    for index, part in known:
        for other, _ in known:
            if other != index:
                part = part * other * pow(other - index, -1, q) % q
        total += part
    return total % q


# ---- a bundle


class Bundle:
    def __init__(self, data, curve):
        self.curve = CURVES[curve]
        (version, statement, self.salt, self.h, self.told, self.closed), end = read(data)
        assert (version, end) == (1, len(data))
        _, _, publics, (self.tree, keys) = statement
        self.publics = [self.curve.decode(point) for point in publics]
        self.keys = {digest("backup/recovery-key", key): key for key in keys}
        self.leaves = [(leaf, self.keys[leaf]) for leaf in leaves(self.tree)]
        sizes = (number(ROWS), number(CLOSED))
        self.d = digest("backup/statement", curve.encode(), *sizes, span(data, 1))

    def coins(self, row, key, *purpose):
        parts = (self.d, self.salt, number(row), scalar_bytes(ED25519, key), *purpose)
        return digest("backup/row-coins", *parts)

    def masks(self, row, key):
        stream = Stream(self.coins(row, key, b"masks"))
        return [of_wide(self.curve, stream.take(64)) for _ in self.publics]

    def pad(self, row, leaf, name, sent, shared):
        label = digest("backup/leaf", self.d, self.salt, number(row), number(leaf), name)
        return digest("backup/pad", shared, sent, label)

    def ciphertext(self, row, key):
        stream = Stream(self.coins(row, key, b"polynomial"))
        coefficients = iter(lambda: of_wide(ED25519, stream.take(64)), None)
        shared_by_all = Stream(self.coins(row, key, b"ephemerals"))
        e, f = shared_by_all.take(32), of_wide(P256, shared_by_all.take(64))
        sent = {1: x25519(e, NINE), 2: P256.encode(times(P256, f, P256.base))}
        used = sorted({public[0] for _, public in self.leaves})
        ciphertext = b"".join(sent[kind] for kind in used)
        for leaf, share in enumerate(shares(self.tree, key, coefficients)):
            name, public = self.leaves[leaf]
            if public[0] == 1:
                shared = x25519(e, public[1:])
            else:
                shared = times(P256, f, P256.decode(public[1:]))[0].to_bytes(32, "big")
            pad = self.pad(row, leaf, name, sent[public[0]], shared)
            ciphertext += xor(pad, scalar_bytes(ED25519, share))
        return ciphertext

    def row_digest(self, row, ciphertext, hiding):
        points = [self.curve.encode(point) for point in hiding]
        return digest("backup/row", number(row), ciphertext, *counted(points))

    def draws(self):
        for block in itertools.count():
            data = digest("backup/closed", self.h, number(block))
            yield from struct.unpack(">16H", data)

    def chosen(self):
        draws, rows = self.draws(), list(range(ROWS))
        for place in range(CLOSED):
            limit = ROWS - place
            draw = next(draw for draw in draws if draw < 65536 // limit * limit)
            other = place + draw % limit
            rows[place], rows[other] = rows[other], rows[place]
        return sorted(rows[:CLOSED])

    def open_seeds(self, chosen, first=0, height=8):
        """The seeds of open rows, from what is told, from left to right."""
        if first >= ROWS:
            return
        if any(first <= row < first + (1 << height) for row in chosen):
            if height:
                yield from self.open_seeds(chosen, first, height - 1)
                yield from self.open_seeds(chosen, first + (1 << height - 1), height - 1)
            return
        seed, self.told = self.told[:16], self.told[16:]
        yield from self.below(seed, first, height)

    def below(self, seed, first, height):
        if first >= ROWS:
            return
        if not height:
            yield first, seed
            return
        for start in (first, first + (1 << height - 1)):
            parts = (self.salt, number(height - 1), number(start), seed)
            yield from self.below(digest("backup/seed", *parts)[:16], start, height - 1)

    def responses(self, closed):
        data = closed[1]
        pieces = [data[at : at + 32] for at in range(0, len(data), 32)]
        return [int.from_bytes(piece, self.curve.order_bytes) for piece in pieces]

    def verify(self):
        chosen, digests, curve = self.chosen(), {}, self.curve
        if len(self.closed) != CLOSED:
            return False
        for row, closed in zip(chosen, self.closed):
            pairs = zip(self.responses(closed), self.publics)
            hiding = [
                curve.add(times(curve, z, curve.base), curve.minus(point)) for z, point in pairs
            ]
            digests[row] = self.row_digest(row, closed[0], hiding)
        for row, seed in self.open_seeds(chosen):
            key = of_wide(ED25519, wide("backup/row-key", self.salt, number(row), seed))
            hiding = [times(curve, mask, curve.base) for mask in self.masks(row, key)]
            digests[row] = self.row_digest(row, self.ciphertext(row, key), hiding)
        rows = counted([digests[row] for row in range(ROWS)])
        h = digest("backup/challenge", self.d, self.salt, *rows)
        return h == self.h and not self.told

    def restore(self, custodians):
        for row, closed in zip(self.chosen(), self.closed):
            places = range(len(self.leaves))
            opened = [self.opened(row, closed[0], leaf, custodians) for leaf in places]
            key = value(self.tree, iter(opened))
            if key is None:
                return None
            pairs = zip(self.responses(closed), self.masks(row, key))
            secrets = [(z - mask) % self.curve.q for z, mask in pairs]
            points = [times(self.curve, secret, self.curve.base) for secret in secrets]
            if points == self.publics:
                return secrets
        return None

    def opened(self, row, ciphertext, leaf, custodians):
        name, public = self.leaves[leaf]
        if name not in custodians:
            return None
        at, sent = 0, {}
        for kind, length in ((1, 32), (2, 33)):
            if any(key[0] == kind for _, key in self.leaves):
                sent[kind], at = ciphertext[at : at + length], at + length
        sealed = ciphertext[at + 32 * leaf : at + 32 * leaf + 32]
        sent = sent[public[0]]
        share = xor(sealed, self.pad(row, leaf, name, sent, custodians[name](sent)))
        return int.from_bytes(share, "little")


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


def custodian(kind, seed):
    """The name of a custodian's key, and what it makes of what was sent to it."""
    if kind == "x25519":
        return b"\x01" + x25519(seed, NINE), lambda sent: x25519(seed, sent)
    secret = of_wide(P256, Stream(seed).take(64))
    public = P256.encode(times(P256, secret, P256.base))
    return b"\x02" + public, lambda sent: times(P256, secret, P256.decode(sent))[0].to_bytes(32, "big")


# ---- possession


def head(kind, value):
    if value < 24:
        return bytes([kind << 5 | value])
    return bytes([kind << 5 | 24, value])


def item(value):
    """The one encoding of numbers, byte strings and arrays below 256."""
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    return head(4, len(value)) + b"".join(item(each) for each in value)


def possess(call):
    data = bytes.fromhex(call["challenges"][2:])
    (version, genesis, _, asked, challenges), end = read(data)
    public, opens = custodian(call["kind"], bytes.fromhex(call["seed"][2:]))
    name = digest("backup/recovery-key", public)
    assert (version, asked, end) == (1, name, len(data))
    answers = [
        [node, digest("backup/possession", genesis, node, name, sent, opens(sent))]
        for node, sent in challenges
    ]
    return {"answers": "0x" + item([1, genesis, name, answers]).hex()}


def answer(call):
    if call["call"] == "possess":
        return possess(call)
    bundle = Bundle(bytes.fromhex(call["bundle"][2:]), call["curve"])
    custodians = {}
    for each in call["custodians"]:
        public, opens = custodian(each["kind"], bytes.fromhex(each["seed"][2:]))
        custodians[digest("backup/recovery-key", public)] = opens
    secrets = bundle.restore(custodians)
    hexed = secrets and ["0x" + scalar_bytes(bundle.curve, secret).hex() for secret in secrets]
    return {"verified": bundle.verify(), "secrets": hexed}


def main():
    print(json.dumps({"ready": {}}), flush=True)
    for line in sys.stdin:
        try:
            said = {"ok": answer(json.loads(line))}
        except Exception as error:
            said = {"error": repr(error)}
        print(json.dumps(said), flush=True)


main()
