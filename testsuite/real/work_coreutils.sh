# What 38 tools of coreutils print. The arguments are the words that run the program that they are all in; LC_ALL is C.
set -eu
LC_ALL=C
TZ=UTC0
export LC_ALL TZ
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

run() { # run TOOL ARGUMENT...
	tool=$1
	shift
	eval "$command --coreutils-prog=\$tool \"\$@\""
}
command=
for word; do
	command="$command '$word'"
done

run seq 1 6000 >"$dir/numbers"
run seq -f '%08.3f' 0.5 0.25 40 | run tail -n 3
run factor 1234567890123456789 18446744073709551557 340282366920938463463374607431768211455
run factor <"$dir/numbers" >"$dir/factors"
run sort -t : -k 2,2n -k 1,1r "$dir/factors" >"$dir/sorted"
run head -n 3 "$dir/sorted"
run sort -R --random-source="$dir/numbers" "$dir/numbers" >"$dir/shuffled"
run sort -n -m "$dir/numbers" "$dir/numbers" | run uniq -c | run tail -n 2
run wc "$dir/sorted" <"$dir/sorted" | run tr -s ' ' | run cut -d ' ' -f 1-4
for sum in md5sum sha1sum sha256sum sha512sum b2sum cksum; do
	run "$sum" <"$dir/sorted"
done
run base64 <"$dir/sorted" >"$dir/base64"
run base64 -d "$dir/base64" | run sha256sum
run base32 -w 60 <"$dir/numbers" | run head -n 2
run od -A d -t x1z -t f8 -N 96 "$dir/sorted"
run od -t d2 -j 100 -N 64 "$dir/factors"
run tr '[:lower:]0-4' '[:upper:]a-e' <"$dir/factors" | run tail -n 2
run expr 12345678901234567890 '*' 98765432109876543210 + 7
run expr abcdefg : 'ab\(.*\)g'
run cut -d ' ' -f 2- "$dir/factors" | run sort -u | run wc -l
run join -t : "$dir/factors" "$dir/factors" 2>/dev/null | run head -n 2
run paste -d '+,' "$dir/numbers" "$dir/shuffled" "$dir/sorted" | run head -n 2
run comm -12 "$dir/shuffled" "$dir/shuffled" 2>/dev/null | run wc -l
run fold -w 30 "$dir/base64" | run nl -b p'^[A-M]' | run tail -n 3
run fmt -w 50 "$dir/factors" | run head -n 2
run pr -3 -t -w 60 "$dir/numbers" | run head -n 4
run tac "$dir/factors" | run head -n 2
run numfmt --to=iec 123456789 4096 1000000000
run split -b 20000 -d "$dir/base64" "$dir/part"
run cat "$dir"/part* | run sha256sum
run shuf -i 1-40 -n 5 --random-source="$dir/numbers" | run paste -s
run printf '%s|%5d|%-6x|%o|%e|%.3g|%c|%b\n' word 42 255 8 31415.9 0.00012 x 'a\tb'
run date -d '2001-02-03 04:05:06 UTC +40 days' '+%A %j %G-W%V %s'
run basename /usr/lib/libc.so.6 .6
run dirname /usr/lib/libc.so.6
run echo -e 'one\ttwo'
run ptx -w 60 <"$dir/sorted" | run tail -n 2
run tsort <<'END'
shoes socks
belt trousers
shoes trousers
jacket belt
END
