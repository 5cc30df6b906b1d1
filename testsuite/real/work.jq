# What a jq script does: records made, grouped, folded, rewritten; paths, reductions, recursion, strings, dates, errors.
# $rounds says how much.
def fib: if . < 2 then . else (. - 1 | fib) + (. - 2 | fib) end;
def primes: [range(2; .)] | until(.[0:1] == [] or .[0] > 31; .[0] as $p | [.[1:][] | select(. % $p != 0)] + [-$p])
  | map(select(. != null)) | length;
def collatz: [recurse(if . == 1 then empty elif . % 2 == 0 then . / 2 else 3 * . + 1 end)] | length;
def hanoi($n; $a; $b; $c): if $n == 0 then empty else hanoi($n - 1; $a; $c; $b), "\($a)\($c)", hanoi($n - 1; $b; $a; $c) end;
def record($i): {
  id: $i, name: "name \($i * 7919 % 101)", group: ($i % 7), value: ($i * 2.5 - 40), tags: [range($i % 4) | "tag\(.)"],
  nested: {deep: {list: [$i, null, true, "x\u00e9\u20ac\ud83d\ude00"]}}
};

[range($rounds) | record(.)] as $records
| ($records | length),
  (12 | fib),
  (120 | primes),
  ([range(1; 40) | collatz] | [add, max]),
  ([hanoi(7; "a"; "b"; "c")] | length, .[60:66]),
  ($records | group_by(.group) | map({group: .[0].group, n: length, sum: (map(.value) | add), top: max_by(.value).name})),
  ($records | map(select(.tags | index("tag2"))) | sort_by(.name, -.id) | .[:3] | map({id, name, tags})),
  ($records | INDEX(.name) | keys | .[:5]),
  ($records | [.[] | .. | numbers] | length),
  ($records[5] | [paths(scalars)] | map(map(tostring) | join("/"))),
  ($records[9] | to_entries | map("\(.key)=\(.value | tojson)") | join("; ")),
  ($records[3] | del(.nested.deep.list[1, 2]) | .tags |= map(ascii_upcase) | .value += 100),
  ($records | reduce .[] as $r ({}; .[$r.group | tostring] += $r.value)),
  ([foreach $records[].value as $v (0; . + $v; select(. > 0))] | .[:4]),
  ([limit(5; $records[] | select(.value > 0) | .id)]),
  ($records[1] * {nested: {deep: {more: [1]}}} | .nested),
  ($records[:4] | map([.id, .name, .value] | @csv), map([.id, .name] | @tsv), map(.nested | @json | @base64)),
  ("a,b, c" | split(", "), ascii_downcase, explode, @uri, @sh, (ltrimstr("a") | length), utf8bytelength),
  (1425599621 | todate, (gmtime | mktime)),
  ("2015-03-05T23:51:47Z" | fromdate),
  ([1e1000, -1e1000, 1.5e300 * 1e10, 3.0, 1e17, 0.1, 100 / 3] | map(tostring)),
  ([.[]?], (try error("thrown") catch .), (try ([] | implode | .[0] + {}) catch .), ("x" | try tonumber catch .)),
  ([17, -17 | . % 5, floor, sqrt?, pow(.; 2)]),
  ([[3, 1], {"a": 1}, null, false, "s", 0, [], {}] | sort),
  ({"b": [1, {"c": 2}], "a": 3} | fromstream(tostream), getpath(["b", 1, "c"]), (to_entries | from_entries)),
  ([splits("x")?], ("test" | test("t")?), (input? // "no input"), ($__loc__.line)),
  (label $out | 1, 2, break $out, 3)
