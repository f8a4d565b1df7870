-- 16 requests at once, as for the bare answerer.
local requests
function init(arguments)
  requests = string.rep(wrk.format("GET", "/r/video/1.mp4"), 16)
end
function request()
  return requests
end
