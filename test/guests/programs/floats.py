"""Floats, big integers, decimals, hashes and text, printed so that any bit that differs shows."""
import cmath, decimal, fractions, hashlib, itertools, json, math, random, re, statistics, struct, zlib

random.seed(12345)
values = [random.uniform(-50, 50) for _ in range(400)] + [random.expovariate(0.001) for _ in range(100)]
print(hashlib.sha256(struct.pack('<%dd' % len(values), *values)).hexdigest())
for name in ('sqrt', 'floor', 'ceil', 'trunc', 'fabs', 'frexp', 'modf'):
    function = getattr(math, name)
    print(name, hashlib.md5(repr([function(abs(v)) for v in values]).encode()).hexdigest())
# The host's and the guest's FPU may differ in the last place of these, so they are rounded.
for name in ('sin', 'cos', 'tan', 'exp', 'log', 'log2', 'log10', 'atan', 'sinh', 'tanh', 'erf', 'gamma', 'lgamma', 'expm1'):
    function = getattr(math, name)
    print(name, hashlib.md5(' '.join('%.12g' % function(0.01 + abs(v) % 20) for v in values).encode()).hexdigest())
print(math.fsum(values).hex(), sum(values).hex(), math.prod(values[:20]).hex(), math.hypot(*values[:9]).hex())
print([v.hex() for v in (0.1 + 0.2, 1e308 * 10, -0.0, 5e-324, 2.0 ** -1074, 1 / 3, 1e22, 123456789.123456789)])
print([round(v, 3) for v in values[:12]], [math.fmod(v, 0.7).hex() for v in values[:6]], [(v % 0.7).hex() for v in values[:6]])
print([float(str(v)) == v for v in values].count(True), ['%.17g' % v for v in values[:6]], '%.30f' % 0.1)
print(struct.pack('<f', 0.1).hex(), struct.unpack('<f', struct.pack('<f', 1e-45))[0], [math.nextafter(v, 9).hex() for v in values[:3]])
print(pow(3, 1000, 2 ** 127 - 1), math.factorial(200) % (10 ** 40 + 7), math.isqrt(10 ** 60), (7 ** 300).bit_length())
decimal.getcontext().prec = 50
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7, decimal.Decimal(10).ln(), fractions.Fraction(355, 113) ** 5)
print(statistics.mean(values).hex(), '%.12g' % statistics.stdev(values), '%.12g' % abs(cmath.exp(1 + 2j)))
text = ' '.join(json.dumps({'k%d' % i: [i, i / 7, str(i)]}) for i in range(300))
print(zlib.crc32(text.encode()), zlib.adler32(text.encode()), hashlib.blake2b(text.encode()).hexdigest()[:32])
print(len(zlib.compress(text.encode(), 9)), zlib.decompress(zlib.compress(text.encode())).decode() == text)
print(len(re.findall(r'"k(\d*)7": \[(\d+)', text)), sorted(text.split(), key=lambda s: (len(s), s))[-1])
print(sum(1 for p in itertools.permutations(range(7)) if all(abs(a - b) != 1 for a, b in zip(p, p[1:]))))
def sieve(n):
    marks = bytearray([1]) * (n + 1)
    for i in range(2, int(n ** 0.5) + 1):
        if marks[i]: marks[i * i::i] = bytes(len(marks[i * i::i]))
    return sum(marks) - 2
print(sieve(200000))
