#!/bin/sh
# Exercises programs of Debian's archive and prints what they compute, one titled block each. The same script runs in
# the emulated guest and natively in the same file system, and the outputs must be equal (programs.spec.ts).
# Usage: check.sh NAME... (openssl python sqlite archives perl lua gcc)
here=$(dirname "$0")
work=/tmp/tabpc-check
rm -rf $work; mkdir -p $work; cd $work || exit 1
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1
seq 1 60000 > data

check_openssl() {
  for digest in md5 sha1 sha224 sha256 sha384 sha512 sha512-256 sha3-256 sha3-512 shake128 blake2s256 blake2b512 sm3 ripemd160; do
    echo "$digest $(openssl dgst -$digest -r < data 2>&1)"
  done
  openssl dgst -sha256 -hmac secret -r < data
  key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
  for cipher in aes-128-cbc aes-192-cbc aes-256-cbc aes-128-ctr aes-256-ctr aes-128-cfb aes-128-ofb aes-256-ecb \
    camellia-256-cbc aria-128-cbc des-ede3-cbc chacha20 sm4-cbc; do
    iv=0f0e0d0c0b0a09080706050403020100
    bits=$(echo $cipher | tr -dc 0-9-)
    case $cipher in
      *128*|sm4*) k=$(echo $key | cut -c1-32) ;; *192*|des*) k=$(echo $key | cut -c1-48) ;; *) k=$key ;;
    esac
    case $cipher in des*) iv=0f0e0d0c0b0a0908 ;; esac
    case $cipher in *ecb) set -- ;; *) set -- -iv $iv ;; esac
    openssl enc -$cipher -K $k "$@" -in data -out data.enc 2>/dev/null
    openssl enc -d -$cipher -K $k "$@" -in data.enc -out data.dec 2>/dev/null
    cmp data data.dec && echo "$cipher $(md5sum < data.enc)"
  done
  openssl enc -aes-256-cbc -pbkdf2 -iter 2000 -S 0011223344556677 -pass pass:tab -P
  openssl prime 170141183460469231731687303715884105727 170141183460469231731687303715884105729
}

check_python() { python3 $here/floats.py; }

check_sqlite() {
  sqlite3 base.db <<'SQL'
CREATE TABLE t (a INTEGER PRIMARY KEY, b REAL, c TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT i, i * 1.1 / 7, printf('%06x', (i * 2654435761) & 16777215) FROM n;
CREATE INDEX tc ON t (c);
SELECT count(*), sum(a), round(sum(b), 6), avg(b), max(c), min(c) FROM t;
SELECT a, b, c FROM t WHERE c LIKE 'ab%' ORDER BY c LIMIT 5;
SELECT substr(c, 1, 1) AS d, count(*), total(b) FROM t GROUP BY d ORDER BY d;
UPDATE t SET b = b * b WHERE a % 3 = 0;
DELETE FROM t WHERE a % 7 = 0;
SELECT count(*), sum(b), group_concat(a) FROM t WHERE a < 60;
PRAGMA integrity_check;
SQL
}

check_archives() {
  gzip -9nk data; gzip -dc data.gz | cmp - data && md5sum < data.gz
  xz -6k -T1 data; xz -dc data.xz | cmp - data && md5sum < data.xz
  bzip2 -k data; bzip2 -dc data.bz2 | cmp - data && md5sum < data.bz2
  7zz a -bso0 -bsp0 -mmt1 data.7z data > /dev/null; 7zz x -bso0 -bsp0 -so data.7z | cmp - data && echo 7z
  tar --mtime=@0 --owner=0 --group=0 -cf all.tar data data.gz; tar -tf all.tar; tar -xOf all.tar data | md5sum
}

check_perl() {
  perl -e '
    my $x = 0.5; my $s = 0; my %h;
    for my $i (1 .. 20000) { $x = 3.9 * $x * (1 - $x); $s += sin($x) * exp(-$x) / sqrt($i); $h{int($x * 100)}++ }
    printf "%.12f %.14g\n", $s, $x;
    print join(",", map { "$_=$h{$_}" } sort { $a <=> $b } keys %h), "\n";
    my $t = join "", map { chr(97 + $_ * 7 % 26) } 1 .. 5000; my $n = () = $t =~ /a[^e]*?e/g; print "$n\n";
    print unpack("H*", pack("NvCdfq<", 305419896, 4660, 18, 1.25, -2.5, -1234567890123)), "\n";
    print 2 ** 0.5, " ", 10 / 3, " ", 1e21, " ", 9007199254740993, " ", int(-7.5), " ", -7 % 3, " ", atan2(1, -1), "\n";'
}

check_lua() {
  lua5.4 -e '
    local s = 0
    for i = 1, 200000 do s = s + math.sin(i) / i end
    print(string.format("%.13f", s), 7 // 2, -7 // 2, -7 % 3, 7.5 // 2, 1 << 62, math.maxinteger + 1, 2^53 + 1)
    local t = {}
    for i = 1, 2000 do t[i] = (i * 7919) % 2003 end
    table.sort(t); print(t[1], t[1000], t[2000], #t, math.tointeger(3.0), 3 | 0x100000000, 0x7fffffffffffffff * 3)
    print(string.format("%a %g %q", 0.1, 1e300 * 1e10, 1/3), ("x"):rep(3, "-"), math.fmod(-7, 3), math.type(1e3))'
}

check_gcc() {
  for flags in "-O0" "-O2" "-O2 -msse2 -mfpmath=sse" "-O3 -march=core2 -ffast-math -DFAST" "-Os -m80387 -fwrapv"; do
    gcc $flags -o compute $here/compute.c -lm && echo "gcc $flags" && ./compute
  done
}

for name; do
  echo "== $name"
  check_$name 2>&1
done
rm -rf $work
echo "== end"
