# What the applets of busybox print, and its shell. The arguments are the words that run busybox; LC_ALL is C.
set -eu
LC_ALL=C
TZ=UTC0
export LC_ALL TZ
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
command=
for word; do
	command="$command '$word'"
done
run() { # run APPLET ARGUMENT...
	eval "$command \"\$@\""
}
cd "$dir"

run seq 1 4000 >numbers
run factor 1234567890123 4294967291
run awk '{ s[$1 % 7] += $1 ^ 2; w = w substr($1, 1, 1) } END { for (i = 0; i < 7; i++) printf "%d:%.0f ", i, s[i]; print length(w), sin(1) > 0.84, toupper("x"), substr("hello", 2, 3) }' numbers
run awk -F: 'BEGIN { while (("echo a:b:c" | getline line) > 0) print line; n = split("c b a", t, " "); print n, t[3]; x = "aXbX"; gsub(/X/, "[&]", x); print x, match("foobar", /o+/), RLENGTH; printf "%5.2f|%-4s|%c|%x\n", 3.14159, "ab", 65, 255 }'
run sed -n '10,12p; s/^\(.\)\(.\)$/\2\1/; 20,22{p;=}; $p' numbers
printf 'one\ntwo\nthree\n' | run sed -e '1!G;h;$!d' -e 's/\n/+/g'
run grep -n -E '^(12|3).*7$' numbers | run tail -n 4
run grep -c -v '[0-4]' numbers
run grep -A 1 -B 1 '^77$' numbers
run sort -r -n numbers | run head -n 3
run shuf -n 1 -i 7-7
run sort -k 1.2,1.3 -s numbers | run uniq -w 1 -c | run head -n 4
run tac numbers | run paste - - - | run head -n 2
run cut -c 1-2 numbers | run sort -u | run wc -l
run tr 0-9 a-j <numbers | run rev | run fold -w 3 | run md5sum
for sum in md5sum sha1sum sha256sum sha512sum sha3sum cksum sum crc32; do
	run "$sum" <numbers
done
run base64 <numbers >encoded
run base64 -d encoded | run cmp - numbers && echo same
run base32 numbers | run tail -n 1
run uuencode numbers <numbers | run uudecode -o - | run sha1sum
run od -x numbers | run head -n 3
run hexdump -C -n 40 numbers
run xxd -l 20 numbers
run gzip -9 -c numbers >numbers.gz
run zcat numbers.gz | run sha1sum
gzip -dc numbers.gz | run cmp - numbers && echo same
run bzip2 -c numbers >numbers.bz2
run bunzip2 -c numbers.bz2 | run sha1sum
run mkdir -p tree/a/b tree/c
run cp numbers tree/a/b/n
run ln -s ../a tree/c/link
run mv encoded tree/c/e
run touch -d '2001-02-03 04:05:06' tree/a/b/n tree/c/e
run chmod 640 tree/a/b/n tree/c/e
run find tree -type f -size +1k | run sort
run find tree ! -name '*e' -print0 | run sort -z | run xargs -0 -n 2 echo
run stat -c '%a %s %F %Y' tree/a/b/n
run ls -R tree
run readlink tree/c/link
run realpath tree/c/link/b/../b/n | run sed 's,.*/tree,tree,'
run tar -C tree -cf tree.tar a c
run tar -tf tree.tar | run sort
mkdir out
run tar -C out -xf tree.tar
run diff -r tree out && echo no difference
(cd tree && run find . -type f | run sort | run cpio -o -H newc 2>/dev/null) | run cpio -t 2>/dev/null
run seq 1 2 4001 >odd
run sed '3d; 7s/$/!/; 9i\
between' odd >changed
run diff -u odd changed | run tail -n +3 >change || :
run cat change
(echo '--- odd'; echo '+++ odd'; cat change) >change.diff
run patch odd change.diff >/dev/null
run cmp odd changed && echo patched
run comm -12 odd changed | run wc -l
run split -l 1000 odd part.
run cat part.* | run cmp - odd && echo whole
run dd if=numbers bs=100 skip=3 count=2 2>/dev/null
run expand -t 4 numbers | run nl | run head -n 2
run expr 123456789 '*' 987654321 + 7
run expr abcdefg : 'ab\(.*\)g'
echo '2^200; scale=30; 22/7; sqrt(2); define f(n) { if (n < 2) return 1; return n * f(n - 1) }; f(40)' | run bc
run dc -e '10k 2v p 3 5 ^ p'
run cal 2 2024
run date -u -d '2001-02-03 04:05:06' '+%A %j %s %H:%M'
run ipcalc -b -n -m 192.168.7.9 255.255.240.0
run printf '%s|%5d|%-6x|%o|%e|%c|%b\n' word 42 255 8 31415.9 x 'a\tb'
run basename /usr/lib/libc.so.6 .6
run dirname /usr/lib/libc.so.6
run getopt -o ab: -l long -- -a -b x --long y
run env -i A=1 B=2 "$(command -v printf)" 'env %s\n' ok
printf '1,2p\n2d\n$p\nw edited\nq\n' | run ed changed
run strings -n 4 numbers.gz | run wc -l
run test 3 -lt 10 -a -n x && echo yes
run truncate -s 10 part.aa
run wc -c part.aa
run timeout 20 echo in time
run unexpand -a <numbers | run tail -n 1

cat >script <<'END'
f() { local n=$1; [ "$n" -le 1 ] && { echo 1; return; }; echo $((n * $(f $((n - 1))))); }
f 12
i=0; while [ $i -lt 300 ]; do i=$((i + 1)); x="$x${i%%?}"; done; echo ${#x} ${x#*9}
for w in a* b; do case $w in (a*) echo "a: $w";; (*) echo other;; esac; done
trap 'echo trapped' USR1; kill -USR1 $$; trap 'echo leaving' EXIT
printf '%s\n' c b a | sort | while read -r l; do echo "<$l>"; done
v=abcabc; echo "${v/b/X}" "${v//c/Y}" "${v:2:3}" "${#v}" "${u:-unset}" $((0x1f ** 2 % 100)) $((1 ? 5 : 6))
(exit 3) || echo "status $?"; { sleep 0; echo background; } & wait $!; echo "waited $?"
set -- one two "three four"; for a; do printf '[%s]' "$a"; done; echo; shift; echo $# "$*"
cat <<EOF | tr a-z A-Z
here $((6 * 7)) `echo nested "$(echo deeper)"`
EOF
[[ $v == abc* ]] && echo matches; eval 'y=5'; echo $y; readonly z=1; (z=2) 2>/dev/null || echo read only
echo {1..3} ~root; getopts ab: o -b val && echo "$o $OPTARG"; alias ll='echo aliased'
seq 1 20 | awk '{ s += $1 } END { print s }'; echo abc | sed 's/b/&&/' | grep -o 'bb'
END
run sh script
