#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "sim/logs/fields.hpp"

namespace edgeward::sim {

namespace {

struct KnownName {
  std::string_view name;  ///< letters and digits only, in lower case
  Field field = Field::time;
  std::uint8_t rank = 0;
};

constexpr std::uint8_t kFirstGuess = FieldNames::kPartsMax;  ///< ranks below are the user's choice
constexpr std::uint8_t kNestedPenalty = 100;

/// For each field its names, the preferred ones first.
constexpr KnownName kNamesByPreference[] = {
    // EdgeStartTimestamp: Cloudflare; reqTimeSec: Akamai; cqtq, cqts: Traffic Server
    {"edgestarttimestamp", Field::time},
    {"reqtimesec", Field::time},
    {"timestamp", Field::time},
    {"timestampms", Field::time},
    {"datetime", Field::time},
    {"timeiso8601", Field::time},
    {"timelocal", Field::time},
    {"timestart", Field::time},
    {"starttime", Field::time},
    {"startutc", Field::time},
    {"requesttimestamp", Field::time},
    {"requeststart", Field::time},
    {"eventtime", Field::time},
    {"cqtq", Field::time},
    {"cqts", Field::time},
    {"ts", Field::time},
    {"time", Field::time},
    {"unixtime", Field::time},
    {"epoch", Field::time},
    {"msec", Field::time},
    {"at", Field::time},
    {"timems", Field::time},
    {"times", Field::time},
    {"timesec", Field::time},
    {"edgeendtimestamp", Field::time},
    {"timeend", Field::time},
    {"endtime", Field::time},
    {"datetimeutc", Field::time},
    {"t", Field::time},
    {"date", Field::date},
    {"day", Field::date},

    {"clientip", Field::client},
    {"cliip", Field::client},
    {"cip", Field::client},
    {"remoteip", Field::client},
    {"httprequestremoteip", Field::client},
    {"remoteaddr", Field::client},
    {"clientaddr", Field::client},
    {"clientaddress", Field::client},
    {"ip", Field::client},
    {"clienthost", Field::client},
    {"chi", Field::client},
    {"requestremoteip", Field::client},
    {"requestclientip", Field::client},
    {"sourceip", Field::client},
    {"srcip", Field::client},
    {"ipaddress", Field::client},
    {"remotehost", Field::client},
    {"client", Field::client},
    {"clientid", Field::client},

    // ClientCountry: Cloudflare; c-country: CloudFront; client.geo.country_iso_code: ECS
    {"clientcountry", Field::country},
    {"ccountry", Field::country},
    {"clientcountrycode", Field::country},
    {"clientgeocountrycode", Field::country},
    {"clientgeocountryisocode", Field::country},
    {"geocountryisocode", Field::country},
    {"geoipcountrycode", Field::country},
    {"geocountrycode", Field::country},
    {"geocountry", Field::country},
    {"countryisocode", Field::country},
    {"countrycode", Field::country},
    {"country", Field::country},

    {"clientrequestmethod", Field::method},
    {"requestmethod", Field::method},
    {"httprequestrequestmethod", Field::method},
    {"reqmethod", Field::method},
    {"httpmethod", Field::method},
    {"csmethod", Field::method},
    {"httprequestmethod", Field::method},
    {"cqhm", Field::method},
    {"method", Field::method},
    {"verb", Field::method},

    // x-host-header is what the viewer asked for, cs(Host) the distribution's own name
    {"clientrequesthost", Field::host},
    {"reqhost", Field::host},
    {"xhostheader", Field::host},
    {"cshost", Field::host},
    {"requesthost", Field::host},
    {"httphost", Field::host},
    {"urldomain", Field::host},
    {"reqheaderhost", Field::host},
    {"host", Field::host},
    {"domain", Field::host},
    {"vhost", Field::host},
    {"virtualhost", Field::host},
    {"servername", Field::host},
    {"authority", Field::host},

    {"clientrequesturi", Field::url},
    {"requesturl", Field::url},
    {"httprequestrequesturl", Field::url},  // httpRequest_requestUrl: Google's, flattened
    {"requesturi", Field::url},
    {"urloriginal", Field::url},
    {"urlfull", Field::url},
    {"csuri", Field::url},
    {"csuristem", Field::url},
    {"cquuc", Field::url},
    {"pquc", Field::url},
    {"url", Field::url},
    {"uri", Field::url},
    {"clientrequestpath", Field::url},
    {"reqpath", Field::url},
    {"requestpath", Field::url},
    {"urlpath", Field::url},
    {"uripath", Field::url},
    {"path", Field::url},
    {"key", Field::url},
    {"cachekey", Field::url},
    {"object", Field::url},
    {"objid", Field::url},
    {"objectid", Field::url},
    {"objectkey", Field::url},
    {"contentid", Field::url},
    {"content", Field::url},
    {"itemid", Field::url},
    {"item", Field::url},
    {"file", Field::url},
    {"filename", Field::url},
    {"id", Field::url},
    {"querystr", Field::query},
    {"csuriquery", Field::query},
    {"querystring", Field::query},
    {"urlquery", Field::query},
    {"requestquery", Field::query},
    {"query", Field::query},
    {"args", Field::query},
    {"requestline", Field::request_line},
    {"request", Field::request_line},
    {"package", Field::package},
    {"version", Field::version},

    {"edgeresponsestatus", Field::status},
    {"statuscode", Field::status},
    {"scstatus", Field::status},
    {"httprequeststatus", Field::status},
    {"httpstatuscode", Field::status},
    {"httpstatus", Field::status},
    {"responsestatus", Field::status},
    {"respstatus", Field::status},
    {"httpresponsestatuscode", Field::status},
    {"responsestatuscode", Field::status},
    {"downstreamstatus", Field::status},
    {"responsecode", Field::status},
    {"pssc", Field::status},
    {"status", Field::status},
    {"code", Field::status},

    {"edgeresponsebytes", Field::bytes},
    {"responsebodysize", Field::bytes},
    {"respbodysize", Field::bytes},
    {"responsebodybytes", Field::bytes},
    {"respbodybytes", Field::bytes},
    {"responsebodybyteswritten", Field::bytes},
    {"respbodybyteswritten", Field::bytes},
    {"httpresponsebodybytes", Field::bytes},
    {"bodybytessent", Field::bytes},
    {"downstreamcontentsize", Field::bytes},
    {"responsesize", Field::bytes},
    {"httprequestresponsesize", Field::bytes},
    {"responsebytes", Field::bytes},
    {"respbytes", Field::bytes},
    {"scbytes", Field::bytes},
    {"pscl", Field::bytes},
    {"b", Field::bytes},
    {"psql", Field::bytes},
    {"bytes", Field::bytes},
    {"bytessent", Field::bytes},
    {"responselength", Field::bytes},
    {"contentlength", Field::bytes},
    {"size", Field::bytes},
    {"sizebytes", Field::bytes},
    {"objsize", Field::bytes},
    {"objectsize", Field::bytes},
    {"length", Field::bytes},
    {"totalbytes", Field::bytes},
    {"sccontentlen", Field::body_bytes},

    {"cachecachestatus", Field::cache},
    {"xedgeresulttype", Field::cache},
    {"xedgeresponseresulttype", Field::cache},
    {"fastlyinfostate", Field::cache},
    // Azure; Fastly as people log it; Cloudflare
    {"isreceivedfromclient", Field::from_client},
    {"isedge", Field::from_client},
    {"fastlyisedge", Field::from_client},
    {"clientrequestsource", Field::request_source},
    {"category", Field::category},

    {"upstreamcachestatus", Field::cache},
    {"cachestatus", Field::cache},
    {"crc", Field::cache},
    {"cacheresult", Field::cache},
    {"xcache", Field::cache},
    {"cachestate", Field::cache},
    {"fastlyinfo", Field::cache},
    {"hitmiss", Field::cache},
    {"handling", Field::cache},
    {"cache", Field::cache},
    {"hit", Field::cache},
    {"ishit", Field::cache},
    {"cachehit", Field::cache_hit},
    {"httprequestcachehit", Field::cache_hit},
    {"cachelookup", Field::cache_lookup},
    {"httprequestcachelookup", Field::cache_lookup},
    {"cacheable", Field::cacheable},
    {"iscacheable", Field::cacheable},
    {"statusdetails", Field::status_details},

    {"edgecolocode", Field::edge},
    {"xedgelocation", Field::edge},
    {"edgelocation", Field::edge},
    {"fastlypop", Field::edge},
    {"serverdatacenter", Field::edge},
    {"pop", Field::edge},
    {"datacenter", Field::edge},
    {"phn", Field::edge},
    {"edge", Field::edge},
    {"edgename", Field::edge},
    {"colo", Field::edge},
    {"edgecoloid", Field::edge},
    {"edgeip", Field::edge},
    {"cachenode", Field::edge},
    {"cacheid", Field::cache_id},
    {"fastlyserver", Field::server},
    {"serveridentity", Field::server},
    {"xservedby", Field::server},

    {"scrangestart", Field::range_first},
    {"rangestart", Field::range_first},
    {"rangefirst", Field::range_first},
    {"scrangeend", Field::range_last},
    {"rangeend", Field::range_last},
    {"rangelast", Field::range_last},
    {"contentrange", Field::content_range},
    {"responsecontentrange", Field::content_range},
    {"senthttpcontentrange", Field::content_range},

    {"ttl", Field::ttl},
    {"ttls", Field::ttl},
    {"maxage", Field::ttl},
    {"maxagesec", Field::ttl},
    {"maxages", Field::ttl},
    {"objttl", Field::ttl},
    {"objectttl", Field::ttl},
    {"respcachecontrol", Field::cache_control},
    {"responsecachecontrol", Field::cache_control},
    {"respheaderscachecontrol", Field::cache_control},
    {"responseheaderscachecontrol", Field::cache_control},
    {"senthttpcachecontrol", Field::cache_control},
    {"upstreamhttpcachecontrol", Field::cache_control},
    {"sccachecontrol", Field::cache_control},
    {"cachecontrol", Field::cache_control},
};

/// The same by name, with ranks.
constexpr auto kKnownNames = [] {
  auto names = std::to_array(kNamesByPreference);
  std::array<std::uint8_t, kFields> next_rank{};
  for (KnownName& known : names) {
    known.rank =
        static_cast<std::uint8_t>(kFirstGuess + next_rank[static_cast<std::size_t>(known.field)]++);
  }
  std::sort(names.begin(), names.end(),
            [](const KnownName& a, const KnownName& b) { return a.name < b.name; });
  return names;
}();
static_assert(std::adjacent_find(kKnownNames.begin(), kKnownNames.end(),
                                 [](const KnownName& a, const KnownName& b) {
                                   return a.name == b.name;
                                 }) == kKnownNames.end(),
              "a name has one meaning");

constexpr std::size_t kNameLengthMax = 64;

/// A name's letters and digits in lower case; empty if there are too many to be known.
class PlainName {
 public:
  explicit PlainName(std::string_view name) {
    for (const char c : name) {
      const char lower = to_lower(c);
      if (!is_digit(lower) && (lower < 'a' || lower > 'z')) continue;
      if (size_ == kNameLengthMax) {
        size_ = 0;
        return;
      }
      text_[size_++] = lower;
    }
  }

  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, kNameLengthMax> text_{};
  std::size_t size_ = 0;
};

const KnownName* find_known(std::string_view plain_name) {
  const auto at = std::lower_bound(
      kKnownNames.begin(), kKnownNames.end(), plain_name,
      [](const KnownName& known, std::string_view wanted) { return known.name < wanted; });
  return at != kKnownNames.end() && at->name == plain_name ? &*at : nullptr;
}

/// Behind the last dot; the whole if there is none.
std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

bool is_chosen(std::string_view wanted, std::string_view name, std::size_t number) {
  if (const auto wanted_number = parse_count(wanted))
    return number != 0 && *wanted_number == number;
  if (wanted == name || wanted == last_part(name)) return true;
  const PlainName plain(wanted);
  return !plain.view().empty() && plain.view() == PlainName(name).view();
}

bool makes_key(Field field) {
  return field == Field::url || field == Field::query || field == Field::host ||
         field == Field::request_line || field == Field::package || field == Field::version;
}

}  // namespace

FieldNames::FieldNames(ColumnChoice chosen) : chosen_(std::move(chosen)) {
  for (const auto* parts : {&chosen_.time, &chosen_.client, &chosen_.key, &chosen_.size}) {
    if (parts->size() > kPartsMax) {
      throw std::invalid_argument(fmt::format("{} columns given for one value: expected at most {}",
                                              parts->size(), kPartsMax));
    }
  }
}

void FieldNames::find(std::string_view name, std::size_t number,
                      std::vector<Target>& targets) const {
  const auto add_chosen = [&](const std::vector<std::string>& wanted, Field field) {
    for (std::size_t part = 0; part < wanted.size(); ++part) {
      if (!is_chosen(wanted[part], name, number)) continue;
      targets.push_back({.field = field, .rank = static_cast<std::uint8_t>(part)});
    }
  };
  add_chosen(chosen_.time, Field::chosen_time);
  add_chosen(chosen_.key, Field::chosen_key);
  add_chosen(chosen_.client, Field::client);
  add_chosen(chosen_.size, Field::chosen_size);

  const KnownName* known = find_known(PlainName(name).view());
  std::uint8_t penalty = 0;
  if (known == nullptr && name.find('.') != std::string_view::npos) {
    known = find_known(PlainName(last_part(name)).view());
    penalty = kNestedPenalty;
    // Nested anywhere these may as well be the client's request headers, or of the object.
    const bool is_ambiguous = known != nullptr && (known->field == Field::cache_control ||
                                                   known->field == Field::category);
    if (is_ambiguous) known = nullptr;
  }
  if (known == nullptr) return;
  const bool is_time = known->field == Field::time || known->field == Field::date;
  const bool is_size = known->field == Field::bytes || known->field == Field::body_bytes;
  if ((is_time && !chosen_.time.empty()) || (makes_key(known->field) && !chosen_.key.empty()) ||
      (is_size && !chosen_.size.empty()) ||
      (known->field == Field::client && !chosen_.client.empty())) {
    return;
  }
  targets.push_back(
      {.field = known->field, .rank = static_cast<std::uint8_t>(known->rank + penalty)});
}

}  // namespace edgeward::sim
