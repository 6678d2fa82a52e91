// SPDX-License-Identifier: MIT
// support/method_checks.hpp - which methods of attribution to believe: what the checks of them say, as tables.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

#include <renn/attribution/target.hpp>
#include <renn/core/batch.hpp>
#include <renn/evaluation/axioms.hpp>
#include <renn/evaluation/flipping.hpp>
#include <renn/evaluation/measurement.hpp>
#include <renn/evaluation/removal.hpp>
#include <renn/evaluation/sanity_checks.hpp>
#include <renn/report/attribution_view.hpp>
#include <renn/report/html.hpp>

#include "table.hpp"

/// What was found out about a method.
struct MethodChecks {
    std::string name;
    renn::RandomisationCheck randomised;
    renn::Axioms axioms;
    renn::Measurement flipping;  ///< area over the curve while pixels are taken away
};

/// How they are checked.
struct CheckSettings {
    renn::Batch<float> x = {};     ///< images
    renn::Index axiom_images = 4;  ///< of them, for the axioms: these take many maps each
    renn::Index flipped = 200;     ///< pixels taken away
    std::uint64_t seed = 0;
};

inline renn::FlipOptions flip_options(const CheckSettings& s, renn::FlipOrder order) {
    return {.order = order, .at_once = 8, .steps = s.flipped / 8, .seed = s.seed};
}

template <class Net, class M>
MethodChecks check_method(const std::string& name, const M& method, const Net& net, const CheckSettings& s) {
    const auto target = renn::predicted_output();
    const renn::RemoveTo black(0.0);
    const auto scores = renn::scores_of<float>(net, renn::BatchView<float>(s.x), target, method);
    return {name, renn::randomise_parameters(net, s.x, target, method, {.seed = s.seed}),
            renn::check_axioms(net, s.x.leftCols(std::min(s.axiom_images, s.x.cols())), target, method, black,
                               {.pairs = 2, .at_once = 16, .repeats = 5, .seed = s.seed}),
            renn::area_over_curve(renn::flip_features(net, s.x, scores, target, black,
                                                      flip_options(s, renn::FlipOrder::most_relevant_first))
                                      .probability)};
}

/// The same area if pixels are taken away in random order.
template <class Net>
renn::Measurement random_flipping(const Net& net, const CheckSettings& s) {
    return renn::area_over_curve(renn::flip_features(net, s.x, s.x, renn::predicted_output(), renn::RemoveTo(0.0),
                                                     flip_options(s, renn::FlipOrder::random))
                                     .probability);
}

/// Mean over samples of a stage; those without a value left out.
inline std::vector<double> stage_means(const renn::Batch<double>& stages) {
    std::vector<double> means;
    for (renn::Index r = 0; r < stages.rows(); ++r) {
        double sum = 0.0, count = 0.0;
        for (renn::Index j = 0; j < stages.cols(); ++j) {
            if (std::isnan(stages(r, j))) continue;
            sum += stages(r, j);
            count += 1.0;
        }
        means.push_back(count > 0.0 ? sum / count : std::nan(""));
    }
    return means;
}

/// What the maps have of what was learnt: all, only their signs, nothing. Alike are maps with a correlation above 0.3,
/// the mean over the stages.
enum class Learnt { all, signs, nothing };
inline Learnt learnt(const MethodChecks& c) {
    if (c.randomised.signed_similarity.score > 0.3) return Learnt::nothing;
    return c.randomised.stays_similar ? Learnt::signs : Learnt::all;
}
inline const char* learnt_text(const MethodChecks& c) {
    return learnt(c) == Learnt::all ? "yes" : learnt(c) == Learnt::signs ? "only signs" : "no";
}

/// Short enough to stand below a map. `edges` is what an edge detector gets in flipping.
inline std::vector<renn::MethodText::Verdict> short_verdicts(const MethodChecks& c, const renn::Measurement& edges) {
    const bool found = c.flipping.score > edges.score;
    const char* shown = learnt(c) == Learnt::all     ? "shows what was learnt"
                        : learnt(c) == Learnt::signs ? "learnt signs, not shape"
                                                     : "same if nothing is learnt";
    return {{shown, learnt(c) == Learnt::all}, {found ? "finds what matters" : "no better than edges", found}};
}

inline void print_checks(const std::vector<MethodChecks>& all, const renn::Measurement& random) {
    const auto& layers = all.front().randomised.layers;
    std::vector<std::string> head{"Spearman after making new"};
    for (const char* of : {"R", "|R|"}) {
        for (std::size_t s = 0; s < layers.size(); ++s) head.push_back((s == 0 ? "" : "+ ") + layers[s] + ": " + of);
    }
    head.insert(head.end(), {"|R| scored", "learnt"});
    Table randomised(head);
    Table axioms({"Axioms", "conserves", "positive", "continuous", "selective", "AOPC"});
    for (const MethodChecks& c : all) {
        std::vector<std::string> row{c.name};
        for (const auto* of : {&c.randomised.spearman, &c.randomised.absolute}) {
            for (const double mean : stage_means(*of)) row.push_back(fixed(mean, 2));
        }
        row.push_back(fixed(c.randomised.similarity.score, 2));
        row.push_back(learnt_text(c));
        randomised.add(row);
        row = {c.name};
        for (const renn::Verdict* v :
             {&c.axioms.conservation, &c.axioms.positivity, &c.axioms.continuity, &c.axioms.selectivity}) {
            row.push_back((v->holds ? "yes " : "no ") + renn::html::significant(v->number));
        }
        row.push_back(fixed(c.flipping.score, 3));
        axioms.add(row);
    }
    axioms.add({"Random order", "", "", "", "", fixed(random.score, 3)});
    std::printf("\n");
    randomised.print();
    axioms.print();
}

/// Both tables with a sentence that says how to read them.
inline void write_checks(std::ostream& out, const std::vector<MethodChecks>& all, const renn::Measurement& random,
                         renn::Index images) {
    namespace html = renn::html;
    const auto cell = [&](const std::string& text, const char* kind) {
        out << "<td" << (*kind == 0 ? "" : " class=\"") << kind << (*kind == 0 ? ">" : "\">") << text << "</td>";
    };
    const auto& layers = all.front().randomised.layers;
    out << "<article>\n<h3>Do the maps show what the network has learnt?</h3>\n<p>Layer after layer, from the last to "
           "the first, its weights are drawn anew. Maps that stay as they were cannot be about what it had learnt. The "
           "numbers tell how alike the order of the pixels stays (Spearman\u2019s correlation, mean of "
        << images
        << " images): 1 is the same, 0 is nothing in common, above 0.3 is <b class=\"wrong\">red</b>. Maps that have "
           "the image as a factor keep its shape whatever the network: of these only the signs are learnt.</p>\n<div "
           "class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n<tr><td></td><td></td>";
    for (const char* of : {"scores", "without sign"}) {
        out << "<th scope=\"colgroup\" colspan=\"" << layers.size() << "\">" << of << "</th>";
    }
    out << "</tr>\n<tr><th scope=\"col\">Anew</th><th scope=\"col\">learnt</th>";
    for (int of = 0; of < 2; ++of) {
        for (std::size_t s = 0; s < layers.size(); ++s) {
            out << "<th scope=\"col\">" << (s == 0 ? "" : "+ ") << html::escape(layers[s]) << "</th>";
        }
    }
    out << "</tr>\n";
    for (const MethodChecks& c : all) {
        out << "<tr><th scope=\"row\">" << html::escape(c.name) << "</th>";
        const bool good = learnt(c) == Learnt::all;
        cell((good ? "\u2713 " : "\u2717 ") + std::string(learnt_text(c)), good ? "true" : "wrong");
        for (const auto* of : {&c.randomised.spearman, &c.randomised.absolute}) {
            for (const double mean : stage_means(*of)) {
                cell(std::isnan(mean) ? "\u2013" : html::number(mean, 2), mean > 0.3 ? "wrong" : "");
            }
        }
        out << "</tr>\n";
    }
    out << "</table></div>\n</article>\n<article>\n<h3>Do they tell what the output rests on?</h3>\n<p>A map "
           "<b>conserves</b> if its scores add up to the output, is <b>positive</b> if none of them is negative, "
           "<b>continuous</b> if it does not jump from one image to almost the same one, and <b>selective</b> if the "
           "output falls faster than by chance when its pixels are blackened, the highest scores first. Beside each "
           "mark is the number it rests on: what is missing or negative, or the largest jump, as a part of the whole; "
           "for the last, standard errors from chance. AOPC is how far the probability falls on average while the "
           "first 200 pixels go: more is better, and chance gets "
        << html::number(random.score, 3)
        << ".</p>\n<div class=\"scroll\" tabindex=\"0\"><table class=\"data\">\n<tr><th scope=\"col\">Method</th>";
    for (const char* name : {"conserves", "positive", "continuous", "selective", "AOPC"}) {
        out << "<th scope=\"col\">" << name << "</th>";
    }
    out << "</tr>\n";
    for (const MethodChecks& c : all) {
        out << "<tr><th scope=\"row\">" << html::escape(c.name) << "</th>";
        for (const renn::Verdict* v :
             {&c.axioms.conservation, &c.axioms.positivity, &c.axioms.continuity, &c.axioms.selectivity}) {
            out << "<td title=\"" << html::escape(v->meaning) << "\"><span class=\"quiet\">"
                << html::significant(v->number) << "</span> <b class=\""
                << (v->holds ? "true\">\u2713" : "wrong\">\u2717") << "</b></td>";
        }
        cell(html::number(c.flipping.score, 3), c.flipping.score > random.score ? "" : "wrong");
        out << "</tr>\n";
    }
    out << "</table></div>\n</article>\n";
}
