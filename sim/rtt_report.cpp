#include "sim/rtt_report.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <string_view>

#include "policy/json.hpp"

namespace edgeward::sim {

namespace {

namespace json = boost::json;

json::value six_decimals(double value) {
  return std::round(value * 1e6) / 1e6;
}

json::object errors_json(const RttErrors& errors) {
  return {{"pairs", errors.pairs},
          {"median_absolute_error_ms", six_decimals(errors.median_absolute_ms)},
          {"mean_absolute_error_ms", six_decimals(errors.mean_absolute_ms)},
          {"bias_ms", six_decimals(errors.median_bias_ms)},
          {"mean_bias_ms", six_decimals(errors.mean_bias_ms)}};
}

json::object model_json(const geo::RttModel* model, const RttModelErrors& errors) {
  json::object result = errors_json(errors.all);
  json::array bands;
  for (const RttBand& band : errors.bands) {
    json::object entry{{"from_km", band.from_km}, {"to_km", band.to_km}};
    const json::object values = errors_json(band.errors);
    for (const auto& value : values) entry[value.key()] = value.value();
    bands.push_back(std::move(entry));
  }
  result["bands"] = std::move(bands);
  if (model == nullptr) return result;
  json::array knots;
  for (std::size_t i = 0; i < geo::RttModel::kKnotsKm.size(); ++i) {
    knots.push_back(json::object{{"km", geo::RttModel::kKnotsKm[i]},
                                 {"rtt_ms", six_decimals(model->knots_ms()[i])}});
  }
  result["knots"] = std::move(knots);
  return result;
}

json::object quality_json(const ChoiceQuality& quality) {
  return {{"choices", quality.choices},
          {"best_ratio", six_decimals(quality.best_ratio)},
          {"mean_excess_ms", six_decimals(quality.mean_excess_ms)},
          {"p90_excess_ms", six_decimals(quality.p90_excess_ms)}};
}

json::object corrected_json(const CorrectedChoices& choices) {
  return {{"observations", choices.observations},
          {"forged", choices.forged},
          {"refused", choices.refused},
          {"nearest", quality_json(choices.nearest)},
          {"corrected", quality_json(choices.corrected)},
          {"excess_ratio", six_decimals(choices.excess_ratio)},
          {"excess_ratio_min", six_decimals(choices.excess_ratio_min)},
          {"excess_ratio_max", six_decimals(choices.excess_ratio_max)},
          {"unobserved",
           {{"nearest", quality_json(choices.unobserved_nearest)},
            {"corrected", quality_json(choices.unobserved_corrected)},
            {"excess_ratio", six_decimals(choices.unobserved_excess_ratio)},
            {"median_absolute_error_ms", six_decimals(choices.unobserved_median_absolute_ms)}}}};
}

// ---- for people

std::string band_name(const RttBand& band, bool is_last) {
  return is_last ? fmt::format("{:.0f} km and more", band.from_km)
                 : fmt::format("{:.0f}-{:.0f} km", band.from_km, band.to_km);
}

std::string errors_row(std::string_view what, const RttErrors& errors) {
  if (errors.pairs == 0) return fmt::format("    {:<18}{:>8}\n", what, 0);
  return fmt::format("    {:<18}{:>8}{:>16.1f}{:>12.1f}{:>+10.1f}{:>+12.1f}\n", what, errors.pairs,
                     errors.median_absolute_ms, errors.mean_absolute_ms, errors.median_bias_ms,
                     errors.mean_bias_ms);
}

std::string model_table(std::string_view title, const RttModelErrors& errors) {
  std::string text = fmt::format("  {}\n    {:<18}{:>8}{:>16}{:>12}{:>10}{:>12}\n", title, "",
                                 "pairs", "median |error|", "mean", "bias", "mean bias");
  text += errors_row("all", errors.all);
  for (const RttBand& band : errors.bands) {
    text += errors_row(band_name(band, &band == &errors.bands.back()), band.errors);
  }
  return text;
}

std::string choice_row(std::string_view what, const ChoiceQuality& quality) {
  return fmt::format("    {:<44}{:>8.1f}%{:>10.2f}{:>9.1f}", what, quality.best_ratio * 100,
                     quality.mean_excess_ms, quality.p90_excess_ms);
}

std::string corrected_row(std::string_view what, const CorrectedChoices& choices) {
  return choice_row(what, choices.corrected) +
         fmt::format("{:>9.3f} [{:.3f}, {:.3f}]\n", choices.excess_ratio, choices.excess_ratio_min,
                     choices.excess_ratio_max);
}

std::string unobserved_row(const CorrectedChoices& choices) {
  return choice_row("  edges not yet measured by the client only", choices.unobserved_corrected) +
         fmt::format("{:>9.3f}\n", choices.unobserved_excess_ratio);
}

std::string knots_table(const RttEvaluation& evaluation) {
  std::string km = "    km       ";
  std::string shipped = "    shipped  ";
  std::string refitted = "    refitted ";
  for (std::size_t i = 0; i < geo::RttModel::kKnotsKm.size(); ++i) {
    km += fmt::format("{:>8.0f}", geo::RttModel::kKnotsKm[i]);
    shipped += fmt::format("{:>8.2f}", evaluation.shipped.knots_ms()[i]);
    refitted += fmt::format("{:>8.2f}", evaluation.refitted.knots_ms()[i]);
  }
  return "  Round trip in ms through these points\n" + km + "\n" + shipped + "\n" + refitted + "\n";
}

}  // namespace

std::string rtt_evaluation_json(const RttPairs& pairs, const RttEvaluation& evaluation) {
  json::object faults;
  for (std::size_t i = 0; i < kPairFaults; ++i) {
    if (pairs.faults[i] > 0) faults[name(static_cast<PairFault>(i))] = pairs.faults[i];
  }
  const RttEvaluationOptions& options = evaluation.options;
  return policy::json_text(
      json::object{{"schema_version", 1},
                   {"cities", evaluation.cities},
                   {"pairs", evaluation.pairs},
                   {"suspect_pairs", evaluation.suspect_pairs},
                   {"skipped", std::move(faults)},
                   {"options",
                    {{"edges", options.edges},
                     {"draws", options.draws},
                     {"seeds", options.seeds},
                     {"observed_ratio", options.observed_ratio},
                     {"forged_ratio", options.forged_ratio},
                     {"folds", options.folds},
                     {"seed", options.seed}}},
                   {"model",
                    {{"shipped", model_json(&evaluation.shipped, evaluation.shipped_errors)},
                     {"refitted", model_json(&evaluation.refitted, evaluation.refitted_errors)},
                     {"held_out", model_json(nullptr, evaluation.held_out_errors)}}},
                   {"choice",
                    {{"nearest", quality_json(evaluation.nearest)},
                     {"model", quality_json(evaluation.by_model_alone)},
                     {"observed", corrected_json(evaluation.observed)},
                     {"forged_tenth", corrected_json(evaluation.forged_tenth)},
                     {"forged_half", corrected_json(evaluation.forged_half)},
                     {"new_clients", corrected_json(evaluation.new_clients)}}}});
}

std::string rtt_evaluation_table(const RttEvaluation& evaluation) {
  const RttEvaluationOptions& options = evaluation.options;
  std::string text = fmt::format(
      "{} cities, {} measured pairs ({} suspect ones left out)\n\n"
      "Distance to round trip (errors in ms, estimate - measured; bias: median error)\n",
      evaluation.cities, evaluation.pairs, evaluation.suspect_pairs);
  text += knots_table(evaluation);
  text += model_table("Shipped constants on this file", evaluation.shipped_errors);
  text += model_table(fmt::format("Refitted, {}-fold hold-out by city", options.folds),
                      evaluation.held_out_errors);
  text += fmt::format(
      "\nChoice among {} edges ({} draws, every other city a client; excess over the lowest round "
      "trip in ms)\n"
      "    {:<44}{:>9}{:>10}{:>9}{:>9} over {} seeds\n",
      options.edges, options.draws, "", "best", "mean", "p90", "ratio", options.seeds);
  text += choice_row("nearest by distance", evaluation.nearest) + fmt::format("{:>9}\n", 1);
  text +=
      corrected_row(fmt::format("corrected, {:g}% of pairs observed", options.observed_ratio * 100),
                    evaluation.observed);
  text += unobserved_row(evaluation.observed);
  text +=
      corrected_row(fmt::format("  {:g}% of them forged to a tenth", options.forged_ratio * 100),
                    evaluation.forged_tenth);
  text += corrected_row(fmt::format("  {:g}% of them forged to half", options.forged_ratio * 100),
                        evaluation.forged_half);
  text += corrected_row("  clients of which nothing was observed", evaluation.new_clients);
  const CorrectedChoices& tenth = evaluation.forged_tenth;
  text += fmt::format(
      "Ratio: mean excess over that of nearest for the same clients and edges [lowest, highest "
      "seed].\n"
      "Error of corrected estimates where not observed: median {:.1f} ms. Forged to a tenth: {} of "
      "{} observations;\nrefused as faster than light, honest ones among them: {}.\n",
      evaluation.observed.unobserved_median_absolute_ms, tenth.forged, tenth.observations,
      tenth.refused);
  return text;
}

}  // namespace edgeward::sim
