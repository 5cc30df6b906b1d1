-- Life on a torus by closures and string building; then an n-body simulation whose digits must not change.
-- The second argument is by how much to do less.
local less = tonumber(arg[2]) or 1
local function make(n)
  local g = {}
  for y = 1, n do g[y] = {} for x = 1, n do g[y][x] = (x * 7 + y * 13) % 5 == 0 and 1 or 0 end end
  local function at(y, x) return g[(y - 1) % n + 1][(x - 1) % n + 1] end
  return function()
    local new, alive = {}, 0
    for y = 1, n do
      new[y] = {}
      for x = 1, n do
        local s = at(y - 1, x - 1) + at(y - 1, x) + at(y - 1, x + 1) + at(y, x - 1) + at(y, x + 1) + at(y + 1, x - 1) + at(y + 1, x) + at(y + 1, x + 1)
        new[y][x] = (s == 3 or s == 2 and g[y][x] == 1) and 1 or 0
        alive = alive + new[y][x]
      end
    end
    g = new
    return alive
  end
end
local step, history = make(32), {}
for i = 1, 30 // less do history[i] = step() end
print(table.concat(history, " "))

local bodies = {}
for i = 1, 5 do bodies[i] = { x = i * 1.1, y = i * i * 0.3, z = -i * 0.7, vx = 0.1 * i, vy = -0.05 * i, vz = 0.01, m = 1 / i } end
local function advance(dt)
  for i = 1, #bodies do
    local p = bodies[i]
    for j = i + 1, #bodies do
      local q = bodies[j]
      local dx, dy, dz = p.x - q.x, p.y - q.y, p.z - q.z
      local d2 = dx * dx + dy * dy + dz * dz
      local mag = dt / (d2 * math.sqrt(d2))
      p.vx, p.vy, p.vz = p.vx - dx * q.m * mag, p.vy - dy * q.m * mag, p.vz - dz * q.m * mag
      q.vx, q.vy, q.vz = q.vx + dx * p.m * mag, q.vy + dy * p.m * mag, q.vz + dz * p.m * mag
    end
  end
  for _, p in ipairs(bodies) do p.x, p.y, p.z = p.x + dt * p.vx, p.y + dt * p.vy, p.z + dt * p.vz end
end
for _ = 1, 2000 // less do advance(0.001) end
for _, p in ipairs(bodies) do print(string.format("%.17g %.17g %a", p.x, p.vy, p.z)) end
