# What a Redis server answers after redis-benchmark was at it on the loopback device. The arguments are the words that
# run it; its clients lie beside it.
set -eu
for server; do :; done
clients=$(dirname "$server")
dir=$(mktemp -d)
port=$((20000 + $$ % 10000))
cli() { "$clients/redis-cli" -p "$port" "$@"; }
trap 'cli shutdown nosave >"$dir/end" 2>&1 || :; rm -rf "$dir"' EXIT
"$@" --port "$port" --bind 127.0.0.1 --save '' --enable-debug-command local --dir "$dir" --logfile "$dir/log" >/dev/null &

tries=0
until [ "$(cli ping 2>&1)" = PONG ]; do
	tries=$((tries + 1))
	[ "$tries" -le 300 ] || { cat "$dir/log" >&2; exit 1; }
	sleep 0.1
done
"$clients/redis-benchmark" -p "$port" -q -n 100 -c 5 -t ping,set,get,incr,lpush,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset \
	>"$dir/speed" &
load=$!
# a process with sockets can't be saved to a file: it says so, and serves on
if [ "${1##*/}" = popcorn ]; then
	pid=$(cli info server | tr -d '\r' | sed -n 's/^process_id://p')
	for again in 1 2 3; do
		"$1" checkpoint "$pid" -o "$dir/image" --leave-running >"$dir/refusal" 2>&1 || :
		grep -q -E 'socket|epoll|pipe' "$dir/refusal" || { cat "$dir/refusal" >&2; exit 1; }
	done
fi
wait "$load"
cli dbsize
cli get counter:__rand_int__
cli llen mylist
cli eval '
  local sum = 0
  for i = 1, 500 do
    redis.call("zadd", "ranks", i * 7919 % 1009, "member " .. i)
    redis.call("hset", "hash", "field " .. i % 50, cjson.encode({i, i / 3}))
    redis.call("rpush", "list", string.rep("x", i % 90))
    redis.call("pfadd", "seen", i % 333)
    sum = sum + redis.call("incrby", "n", i)
  end
  return {sum, redis.call("zrangebyscore", "ranks", 100, 120), redis.call("pfcount", "seen")}' 0
cli hgetall hash | sort | head -n 6
cli sort list limit 0 3 alpha desc
cli setrange text 7 'a long word'
cli incrbyfloat float 3.0e-2
cli xadd stream 1-1 key value
cli xrange stream - +
cli geoadd Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
cli geodist Sicily Palermo Catania km
cli bitcount text
cli lrange list -2 -1
cli no-such-command 2>&1
cli debug digest-value ranks hash list text seen
