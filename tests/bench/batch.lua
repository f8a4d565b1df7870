-- Posts batches of 1,000 questions; FORMAT=lines (NDJSON, the default) or array. 32 different
-- batches in turn: clients all over IPv4, contents of 100,000.
local items = tonumber(os.getenv("ITEMS") or 1000)
local is_array = os.getenv("FORMAT") == "array"
local batches, at = {}, 0

function init(arguments)
  math.randomseed(1)
  local headers = {["Content-Type"] = is_array and "application/json" or "application/x-ndjson"}
  for batch = 1, 32 do
    local lines = {}
    for i = 1, items do
      lines[i] = string.format('{"client":"%d.%d.%d.%d","content":"/video/%d.mp4"}',
        math.random(1, 223), math.random(0, 255), math.random(0, 255), math.random(0, 255),
        math.random(1, 100000))
    end
    local body = is_array and "[" .. table.concat(lines, ",") .. "]" or table.concat(lines, "\n") .. "\n"
    batches[batch] = wrk.format("POST", "/v1/route", headers, body)
  end
end

function request()
  at = at % #batches + 1
  return batches[at]
end

function done(summary)
  local errors = summary.errors.status + summary.errors.read + summary.errors.timeout
  io.write(string.format("decisions/s %.0f (%d batches, %d errors)\n",
    summary.requests * items * 1e6 / summary.duration, summary.requests, errors))
end
