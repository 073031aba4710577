-- Every request is of another user: no thread uses the numbers of another one.
local threads = 0
local NUMBERS_A_THREAD = 100000000

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

-- Arguments: the coupon, and "keys" for an idempotency key a request.
function init(arguments)
  local key = arguments[2] == "keys" and "Idempotency-Key: press-" .. arguments[1] .. "-%d\r\n" or ""
  user = number * NUMBERS_A_THREAD
  keyed = key ~= ""
  template = "POST /api/v1/users/%d/coupons/" .. arguments[1] .. "/issue HTTP/1.1\r\nHost: " .. wrk.host
    .. "\r\n" .. key .. "Content-Length: 0\r\n\r\n"
end

function request()
  user = user + 1
  if keyed then
    return string.format(template, user, user)
  end
  return string.format(template, user)
end

function done(summary, latency, requests)
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"above_399":%d,"socket_errors":%d,"p50_ms":%.3f,"p99_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
