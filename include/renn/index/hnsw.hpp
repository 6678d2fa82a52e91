// SPDX-License-Identifier: MIT
// renn/index/hnsw.hpp - the closest samples of a whole layer, nearly all of them, without looking at all.
//
// To be included by name: it needs hnswlib (Debian: libhnswlib-dev), which renn does not need otherwise.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

// hnswlib before 0.7 defines these in its headers as if a program had one source file; declared so first, each may be
// defined in many. 0.8 does without, and has a header more.
#if !__has_include(<hnswlib/stop_condition.h>)
// NOLINTBEGIN: names and globals are not ours
inline void cpuid(std::int32_t out[4], std::int32_t eax, std::int32_t ecx);
inline std::uint64_t xgetbv(unsigned int index);
inline bool AVXCapable();
inline bool AVX512Capable();
namespace hnswlib {
[[gnu::weak]] extern float (*L2SqrSIMD16Ext)(const void*, const void*, const void*);
[[gnu::weak]] extern float (*InnerProductSIMD16Ext)(const void*, const void*, const void*);
[[gnu::weak]] extern float (*InnerProductSIMD4Ext)(const void*, const void*, const void*);
[[gnu::weak]] extern float (*InnerProductDistanceSIMD16Ext)(const void*, const void*, const void*);
[[gnu::weak]] extern float (*InnerProductDistanceSIMD4Ext)(const void*, const void*, const void*);
}  // namespace hnswlib
// NOLINTEND
#endif
#include <hnswlib/hnswlib.h>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/parallel.hpp>
#include <renn/index/flat.hpp>
#include <renn/index/layer_values.hpp>
#include <renn/index/measure.hpp>
#include <renn/index/metric.hpp>
#include <renn/index/nearest_samples.hpp>
#include <renn/index/vector_index.hpp>

namespace renn::inline RENN_ABI {

/// Approximate search over the vectors of a layer by a graph of neighbours (Malkov and Yashunin 2018), hnswlib's. The
/// distances it returns are those of Flat; which samples it misses depends on the options, and recall() measures it.
/// Built on one thread from a seed, so the same values make the same graph. For restrictions that few samples meet, and
/// for batches, Flat is quicker: an exact batch costs about as much a query as this with a recall of 0.999.
///
/// Memory   a copy of the values, and about 8 m + 40 bytes a sample.
/// Cost     build: about 0.3 ms a sample; a query: a few hundred distances.
/// Threads  const members may run on several threads at once.
class Hnsw {
public:
    using Scalar = float;
    /// How distances are measured, and the graph made and searched.
    struct Options {
        Metric metric = Metric::l2;  ///< l2, cosine or dot
        std::size_t m = 16;          ///< neighbours of a sample in the graph
        std::size_t ef_construction = 200;
        std::size_t ef = 50;  ///< candidates a search keeps; at least k
        std::size_t seed = 100;
    };

    /// Throws DataError for values that are not finite, for another metric and for options out of range.
    explicit Hnsw(LayerValues<float> values) : Hnsw(std::move(values), Options()) {}
    Hnsw(LayerValues<float> values, const Options& options) : exact_(std::move(values), {options.metric}) {
        const auto refuse = [](const char* what, const std::string& got, const char* expected) {
            detail::raise<DataError>("Hnsw", what, got, expected);
        };
        if (options.metric != Metric::l2 && options.metric != Metric::cosine && options.metric != Metric::dot) {
            refuse("metric", std::string(metric_name(options.metric)), "l2, cosine or dot");
        }
        if (options.m < 2 || options.m > 10000) refuse("m", std::to_string(options.m), "2 to 10000");
        if (options.ef_construction < 1) refuse("ef_construction", "0", "1 or more");
        if (options.ef < 1) refuse("ef", "0", "1 or more");
        options_ = options;
        const auto width = static_cast<std::size_t>(exact_.width()), n = static_cast<std::size_t>(exact_.samples());
        if (n == 0 || width == 0) return;
        if (options.metric == Metric::l2) {
            space_ = std::make_unique<hnswlib::L2Space>(width);
        } else {
            space_ = std::make_unique<hnswlib::InnerProductSpace>(width);
        }
        graph_ = std::make_unique<Graph>(space_.get(), n, options.m, options.ef_construction, options.seed);
        graph_->setEf(options.ef);
        std::vector<float> vector(width);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t d = 0; d < width; ++d) {
                vector[d] = exact_.values().at(static_cast<Index>(i), static_cast<Index>(d));
            }
            if (options.metric == Metric::cosine) to_length_one(vector);
            graph_->addPoint(vector.data(), i);
        }
    }

    const Options& options() const noexcept { return options_; }
    Metric metric() const noexcept { return options_.metric; }
    Index samples() const noexcept { return exact_.samples(); }
    Index width() const noexcept { return exact_.width(); }
    std::size_t bytes() const noexcept {
        return exact_.bytes() + (graph_ ? graph_->max_elements_ * (graph_->size_data_per_element_ + 40) : 0);
    }

    /// hnswlib's own object, for what this class does not do; null where nothing is recorded. Its labels are positions.
    const hnswlib::HierarchicalNSW<float>* graph() const noexcept { return graph_.get(); }

    /// As Flat::nearest, of those samples that the search comes across: it asks for more until k of them may be found.
    NearestSamples nearest(std::span<const float> query, std::int64_t k, const Admits& admits = {}) const {
        if (static_cast<Index>(query.size()) != width()) {
            detail::raise<ShapeError>("Hnsw::nearest", "query", std::to_string(query.size()) + " values",
                                      std::to_string(width()) + ", the width of the layer");
        }
        if (k < 0) detail::raise<DataError>("Hnsw::nearest", "k", std::to_string(k), "0 or more");
        double square = 0.0;
        for (const float x : query) square += static_cast<double>(x) * static_cast<double>(x);
        if (!std::isfinite(square))
            detail::raise<DataError>("Hnsw::nearest", "query", "NaN or infinite", "finite values");
        if (!graph_) return exact_.nearest(query, k, admits);
        if (k == 0) return {};
        std::vector<float> vector;
        const float* wanted = query.data();
        if (options_.metric == Metric::cosine) {
            vector.assign(query.begin(), query.end());
            to_length_one(vector);
            wanted = vector.data();
        }
        const auto n = static_cast<std::size_t>(samples());
        const std::size_t places = std::min(static_cast<std::size_t>(k), n);
        std::vector<detail::Measured> found;
        for (std::size_t asked = places;; asked = std::min(2 * asked, n)) {
            auto nearest = graph_->searchKnn(wanted, asked);
            found.resize(nearest.size());
            for (auto one = found.rbegin(); one != found.rend(); ++one, nearest.pop()) {  // the farthest is on top
                one->sample = static_cast<std::uint32_t>(nearest.top().second);
            }
            if (!admits) break;
            std::erase_if(found, [&admits](const detail::Measured& one) { return !admits(one.sample); });
            if (found.size() >= places || asked == n) break;
        }
        measure(query, square, found);
        return detail::nearest_of(found, k);
    }

    /// Share of the k nearest samples that are found, on average over the queries; by Flat. Samples as far as the k-th
    /// count as found.
    double recall(const BatchView<float>& queries, std::int64_t k, int threads = 1) const {
        const auto expected = exact_.nearest_batch(queries, k, {}, threads);
        const auto found = nearest_batch(*this, queries, k, {}, threads);
        std::size_t hits = 0, all = 0;
        for (std::size_t q = 0; q < found.size(); ++q) {
            const std::size_t places = std::min(static_cast<std::size_t>(k), expected[q].samples.size());
            const auto within = [&](double distance) { return distance <= expected[q].boundary; };
            const auto good = std::count_if(found[q].distances.begin(), found[q].distances.end(), within);
            hits += std::min(places, static_cast<std::size_t>(good));
            all += places;
        }
        return all == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(all);
    }

private:
    using Graph = hnswlib::HierarchicalNSW<float>;

    static void to_length_one(std::vector<float>& vector) {
        double square = 0.0;
        for (const float x : vector) square += static_cast<double>(x) * static_cast<double>(x);
        if (square == 0.0) return;
        for (float& x : vector) x = static_cast<float>(static_cast<double>(x) / std::sqrt(square));
    }

    /// As Flat measures them. Each sum is one chain; several go side by side so that it need not be waited for.
    void measure(std::span<const float> query, double query_square, std::vector<detail::Measured>& found) const {
        constexpr std::size_t together = 8;
        const LayerValues<float>& values = exact_.values();
        detail::with_metric(options_.metric, [&]<Metric M>() {
            // The graph has its samples in the order they came, each one's values side by side; of cosine, at length 1.
            constexpr bool copied = M != Metric::cosine;
            const std::size_t step = copied ? 1 : static_cast<std::size_t>(values.stride());
            for (std::size_t begin = 0; begin < found.size(); begin += together) {
                const std::size_t count = std::min(together, found.size() - begin);
                detail::PairSums sums[together];
                const float* x[together];
                for (std::size_t l = 0; l < together; ++l) {
                    const std::uint32_t sample = found[begin + std::min(l, count - 1)].sample;  // the last: done again
                    x[l] = copied ? reinterpret_cast<const float*>(graph_->getDataByInternalId(sample))
                                  : values.column(0) + sample;
                }
                for (std::size_t d = 0; d < query.size(); ++d) {
                    const auto q = static_cast<double>(query[d]);
                    for (std::size_t l = 0; l < together; ++l) {
                        sums[l].add<M>(static_cast<double>(x[l][d * step]), q);
                    }
                }
                for (std::size_t l = 0; l < count; ++l) {
                    found[begin + l].distance = sums[l].distance(M, query_square);
                }
            }
        });
    }

    Flat<float> exact_;
    Options options_;
    std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
    std::unique_ptr<Graph> graph_;  // last: it refers to the space
};

}  // namespace renn::inline RENN_ABI
