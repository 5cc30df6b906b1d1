# What an awk script does: fields, regular expressions, arrays, string functions, printf, functions, getline, pipes.
# Its input is any text; the order of "for (k in a)" is never printed.

function max(a, b) { return a > b ? a : b }

function sort(list, n,    i, j, k, gap) {
  for (gap = int(n / 2); gap > 0; gap = int(gap / 2))
    for (i = gap + 1; i <= n; i++) {
      k = list[i]
      for (j = i - gap; j > 0 && list[j] > k; j -= gap) list[j + gap] = list[j]
      list[j + gap] = k
    }
}

function reverse(s) { return length(s) <= 1 ? s : reverse(substr(s, 2)) substr(s, 1, 1) }

function ackermann(m, n) {
  if (m == 0) return n + 1
  if (n == 0) return ackermann(m - 1, 1)
  return ackermann(m - 1, ackermann(m, n - 1))
}

function polynomial(x,    k, sum) {
  for (k = 8; k >= 0; k--) sum = sum * x + 1 / (k + 1)
  return sum
}

BEGIN {
  printf "ackermann %d\n", ackermann(2, 9)
  for (x = -1; x <= 1; x += 0.25) printf "%6.2f %.12g %.6f %e\n", x, polynomial(x), x * x / 3, 1 / (x + 3)
  printf "int %d %d %s, string %5s|%-5s|%05.1f|%x|%c\n", -7 / 2, 2 ^ 31, 2 ^ 53, "ab", "cd", 3.14159, 255, "e"
  print substr("migration", 3, 4), index("migration", "ration"), length("migration"), toupper("abc") tolower("DEF")
  print 1e6, 1e20, 0.1 + 0.2, 100000 * 100000, "3x" + 4, "abc" < "abd", 10 < 9, "10" < "9"
  print match("foo  = bar;", /[ \t]*=[ \t]*/), RSTART, RLENGTH
}

{ characters += length($0) + 1; longest = max(longest, length($0)); widest = max(widest, NF) }

/^[ \t]*(--|#)/ { comments++; next }

/^local function/, /^end/ { in_functions++ }

$1 ~ /^(INSERT|SELECT|UPDATE|DELETE|CREATE)$/ { statement[$1]++; from[$1] = from[$1] " " FNR }

NF > 3 && $NF ~ /;$/ { $NF = "<end>"; rebuilt = rebuilt + length($0); kept = $0 }

{
  line = $0
  numbers += gsub(/[0-9]+(\.[0-9]+)?/, "<&>", line)
  while (match(line, /[A-Za-z_][A-Za-z_0-9]+/)) {
    word = substr(line, RSTART, RLENGTH)
    line = substr(line, RSTART + RLENGTH)
    count[word]++
    where[word, FNR % 5] = FNR
  }
  n = split($0, part, /[^a-z]+/)
  for (i = 1; i <= n; i++) if (part[i] != "") total[length(part[i])]++
}

END {
  print NR, "lines", characters, "characters", longest, "in the longest,", widest, "fields,", comments, "comments,", numbers, "numbers"
  print in_functions + 0, "lines of functions;", rebuilt + 0, kept
  for (s in statement) lines[++kinds] = s " " statement[s] " " length(from[s])
  sort(lines, kinds)
  for (i = 1; i <= kinds; i++) print lines[i]

  for (w in count) ranked[++words] = sprintf("%05d %s", 99999 - count[w], w)
  sort(ranked, words)
  for (i = 1; i <= 20 && i <= words; i++) {
    split(ranked[i], pair, " ")
    printf "%-12s %4d %-12s", pair[2], count[pair[2]], reverse(pair[2])
    for (k = 0; k < 5; k++) printf " %s", (pair[2], k) in where ? where[pair[2], k] : "-"
    print ""
  }
  for (w in count) if (count[w] < 3) { delete count[w]; deleted++ }
  print words, "words,", deleted, "of them rare"
  for (i = 1; i <= 12; i++) histogram = histogram sprintf("%d:%d ", i, total[i])
  print histogram

  text = "one,two;three four"
  gsub(/[,;]/, " & ", text); sub(/t/, "T", text); print text, split(text, some, " ")
  for (i = 0; i < 300; i++) matrix[i % 17, int(i / 17)] = i * i % 23
  for (i = 0; i < 17; i++) for (j = 0; j < 17; j++) trace += matrix[i, j] * (i == j ? 1 : -1 / 16)
  printf "trace %.4f\n", trace
  for (i = 0; i < 400; i++) joined = joined substr("abcdefghijklmnopqrstuvwxyz", i * 7 % 26 + 1, 1)
  print length(joined), gsub(/[aeiou]/, "*", joined), substr(joined, 390)
  close(name = ARGV[1])
  while ((getline again < name) > 0) bytes += length(again)
  print bytes, "characters again"
}
