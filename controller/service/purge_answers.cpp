#include "controller/service/purge_answers.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "controller/config/fault.hpp"
#include "controller/service/problem.hpp"
#include "controller/service/purge_json.hpp"
#include "controller/service/purging.hpp"

namespace edgeward::controller {

Purging& PurgeAnswers::purging() const {
  if (purging_ != nullptr) return *purging_;
  refuse(503,
         "there is no Redis through which edges could be told: the configuration has no redis");
}

void PurgeAnswers::add(std::string_view text, const cache::Fleet& fleet, std::int64_t now_ms,
                       HttpResponse& response) const {
  Purging& purging = this->purging();
  auto purge = parse_purge(text);
  if (!purge) refuse(400, purge.error());
  for (const std::string& edge : purge->edges) {
    if (!fleet.find(edge)) refuse(404, fmt::format("no edge is named {}", quote(edge)));
  }
  std::vector<std::string> awaited = purge->edges;
  for (std::size_t i = 0; purge->edges.empty() && i < fleet.edges.size(); ++i) {
    awaited.push_back(fleet.edges[i].name);
  }
  purge->at_ms = now_ms;
  const auto view = purging.add(std::move(*purge), awaited);
  if (!view) {
    response.retry_after_s = 1;
    refuse(503, fmt::format("{} purges wait for Redis: this one is not taken, send it again",
                            Purging::kWaitingMax));
  }
  response.status = 202;
  response.location = "/v1/purges/" + view->status.purge.id;
  response.body = purge_text(*view, purging.store_error());
}

void PurgeAnswers::refuse_unread(HttpResponse& response) const {
  const std::string error = purging_->store_error();
  response.retry_after_s = 1;
  refuse(503, "what was purged before is not read yet" + (error.empty() ? error : ": " + error));
}

void PurgeAnswers::list(HttpResponse& response) const {
  Purging& purging = this->purging();
  const std::vector<PurgeView> views = purging.latest();
  if (!purging.has_read()) refuse_unread(response);
  response.body = purges_text(views, purging.store_error());
}

void PurgeAnswers::get(std::string_view id, HttpResponse& response) const {
  Purging& purging = this->purging();
  const auto view = purging.find(id);
  if (!view && !purging.has_read()) refuse_unread(response);
  if (!view) {
    refuse(404, fmt::format("no purge {} is among the last {}", quote(id), Purging::kKnownMax));
  }
  response.body = purge_text(*view, purging.store_error());
}

}  // namespace edgeward::controller
