# What a shell script does: functions, loops, pipes, subshells, here documents, traps, patterns, files. Builtins only, so
# that all work is the shell's own. $1 is a directory to work in, $2 how many rounds to do.
set -u
dir=$1
rounds=$2

say() { printf '%-12s %s\n' "$1" "$2"; }

fib() {
  if [ "$1" -lt 2 ]; then fib_=$1; return; fi
  local n="$1" a
  fib $((n - 1)); a=$fib_
  fib $((n - 2)); fib_=$((a + fib_))
}
fib 9
say fib "$fib_"

# a sieve in numbered variables, by eval
primes=
n=2
while [ "$n" -le "$rounds" ]; do
  eval "crossed=\${not_$n:-}"
  if [ -z "$crossed" ]; then
    primes="$primes $n"
    m=$((n * n))
    while [ "$m" -le "$rounds" ]; do
      eval "not_$m=1"
      m=$((m + n))
    done
  fi
  n=$((n + 1))
done
set -- $primes
say primes "$# of them, the last is $(for p; do :; done; echo "$p")"

collatz() (  # a subshell each
  n=$1 steps=0
  while [ "$n" -ne 1 ]; do
    case $((n % 2)) in
      0) n=$((n / 2)) ;;
      *) n=$((3 * n + 1)) ;;
    esac
    steps=$((steps + 1))
  done
  exit "$steps"
)
for n in 6 7 9 25; do
  collatz "$n"
  say collatz "$n ends after $?"
done

numbers() { i=0; while [ "$i" -lt "$1" ]; do i=$((i + 1)); echo "$i $((i * 7919 % 101))"; done; }
sum() { t=0; while read -r _ x; do t=$((t + x)); done; echo "$t"; }
odd() { while read -r i x; do [ $((x % 2)) -eq 0 ] || echo "$i $x"; done; }
say pipe "$(numbers "$rounds" | odd | sum)"

reverse() {
  rest=$1 out=
  while [ -n "$rest" ]; do
    tail_=${rest#?}
    out=${rest%"$tail_"}$out
    rest=$tail_
  done
  echo "$out"
}
say reverse "$(reverse 'a man a plan a canal panama')"
path=/usr/local/lib/thing.tar.gz
say expand "${path##*/} ${path%%.*} ${path%.gz} ${#path} ${none:-unset} ${path:+set}"

while IFS=: read -r name shell home; do
  say "$name" "$home runs ${shell##*/}"
done <<END
root:/bin/bash:/root
nobody:/usr/sbin/nologin:/nonexistent
number$((rounds)):$(echo /bin/sh):/home/${dir:+someone}
END

i=0
while [ "$i" -lt 20 ]; do
  i=$((i + 1))
  echo "line $i of file $((i % 3))" >>"$dir/file$((i % 3)).txt"
done
for file in "$dir"/*.txt; do
  lines=0
  while read -r _; do lines=$((lines + 1)); done <"$file"
  say "${file##*/}" "$lines lines, the first is '$(read -r first <"$file"; echo "$first")'"
done

exec 3>"$dir/log" 4>&1
for word in one two three; do echo "to the log: $word" >&3; done
exec 3>&-
say log "$(IFS=; while read -r line; do echo "${line#to the log: }"; done <"$dir/log" | { read -r a; read -r b; echo "$b $a"; })"

trap 'say trap "USR1 in round $i"' USR1
for i in 1 2 3; do kill -USR1 $$; done
trap - USR1

(sleep_() { i=0; while [ "$i" -lt "$rounds" ]; do i=$((i + 1)); done; }; sleep_; exit 7) &
child=$!
wait "$child"
say background "ended with $?"

set --
while getopts ab:c opt -a -b value -c operand; do say "option $opt" "${OPTARG:-}"; done
say operands "from $OPTIND"
( set -e; false; echo 'not reached' )
say set-e "status $?"
( : "${missing:?is not set}" ) 2>"$dir/message" || { read -r words <"$dir/message"; say unset "${words##*: }"; }
say printf "$(printf '%05d|%x|%-6s|%s' 42 255 ab "$(printf '\101\102')")"
( trap 'say exit "status $?"' EXIT; exit 5 )
say end "status $?"
