-- Closures, coroutines, pcall and error, metatables, string.format, garbage collection, big tables.
-- The second argument is by how much to do less.
local less = tonumber(arg[2]) or 1
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print("fib", fib(20 - less))

local function counter(step)
  local n = 0
  return function() n = n + step; return n end
end
local a, b = counter(3), counter(0.25)
for _ = 1, 1000 // less do a() b() end
print("closures", a(), b())

local function permutations(list, n)
  n = n or #list
  if n <= 1 then coroutine.yield(list) return end
  for i = 1, n do
    list[n], list[i] = list[i], list[n]
    permutations(list, n - 1)
    list[n], list[i] = list[i], list[n]
  end
end
local seen, last = 0
for p in coroutine.wrap(function() permutations({ "a", "b", "c", "d", "e", "f" }, less > 1 and 4 or 6) end) do
  seen = seen + 1
  last = table.concat(p)
end
print("coroutines", seen, last)

local function risky(n)
  if n == 0 then error({ code = 42 }) end
  local ok, e = pcall(risky, n - 1)
  if n % 3 == 0 then return "caught at " .. n end
  if not ok then error(e) end
  return e
end
print("errors", risky(50), select(2, pcall(risky, 2)).code)
print("messages", pcall(function() local t = nil; return t.field end))
print("traceback", (xpcall(function() error("deep") end, function(m) return debug.traceback(m) end)))

local Vector = {}
Vector.__index = Vector
Vector.__add = function(x, y) return setmetatable({ x[1] + y[1], x[2] + y[2] }, Vector) end
Vector.__eq = function(x, y) return x[1] == y[1] and x[2] == y[2] end
Vector.__tostring = function(v) return string.format("(%g, %g)", v[1], v[2]) end
local v = setmetatable({ 0, 0 }, Vector)
for i = 1, 500 // less do v = v + setmetatable({ i, 1 / i }, Vector) end
print("metatables", tostring(v), v == v + setmetatable({ 0, 0 }, Vector))

local big = {}
for i = 1, 20000 // less do big[i] = (i * 7919) % 20011 end
table.sort(big)
local sum = 0
for i, x in ipairs(big) do sum = (sum * 31 + x * i) % 1000000007 end
print("tables", #big, sum, big[1], big[10000 // less])
local strings = {}
for i = 1, 5000 // less do strings["key" .. i] = i end
local total = 0
for i = 1, 5000 // less, 7 do total = total + strings["key" .. i]; strings["key" .. i] = nil end
collectgarbage()
print("strings", total, strings.key2, strings.key8)

local text = {}
for i = 1, 300 // less do text[#text + 1] = string.format("%d %5.2f %x %q %s %a", i, i / 7, i * i, "q" .. i, i % 2 == 0, i / 3) end
local joined = table.concat(text, "\n")
local count = 0
for word in joined:gmatch("%a+") do count = count + #word end
local replaced, n = joined:gsub("(%d+)%.(%d+)", "%2.%1")
print("patterns", #joined, count, n, #replaced, joined:sub(-60), replaced:byte(1, 5))

local alive = setmetatable({}, { __mode = "k" })
for i = 1, 200 do alive[{}] = i end
local finalised = 0
for i = 1, 200 do setmetatable({}, { __gc = function() finalised = finalised + 1 end }) end
collectgarbage() collectgarbage()
print("garbage", next(alive), finalised, collectgarbage("count") < 8000)

print("numbers", 7 // 2, -7 // 2, -7 % 3, 7.5 // 2, 1e15, 2 ^ 53, 10 / 3, math.maxinteger, math.mininteger, 0x7fffffffffffffff + 1)
print("numbers", math.type(1), math.type(1.0), 3 | 5, ~0, 1 << 62, "10" + 5, tostring(1e100), math.floor(-3.5), math.tointeger(3.0))
local chunk = load("local t = ... ; local s = 0 ; for i = 1, #t do s = s + t[i] end ; return s")
print("load", chunk({ 1, 2, 3, 4.5 }))
print("utf8", utf8.len("na\u{EF}ve"), utf8.char(960, 8364), #utf8.charpattern)
goto finish
print("not reached")
::finish::
print("arguments", #arg, arg[1], select("#", ...))
