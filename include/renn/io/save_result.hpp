// SPDX-License-Identifier: MIT
// renn/io/save_result.hpp - answers as files, to be read without the network.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>

#include <renn/core/error.hpp>
#include <renn/io/archive.hpp>
#include <renn/io/archive_file.hpp>
#include <renn/retrace/result.hpp>
#include <renn/retrace/retrace.hpp>

namespace renn::inline RENN_ABI {

namespace detail {

template <class T, class Record>
concept Is = std::same_as<std::remove_const_t<T>, Record>;

/// What a record consists of, in the order of the file; for writing and reading alike.
auto members(Is<Neighbour> auto& x) {
    return std::tie(x.id, x.value, x.distance);
}
auto members(Is<Source> auto& x) {
    return std::tie(x.id, x.votes, x.share, x.label, x.prediction);
}
auto members(Is<NeuronSources> auto& x) {
    return std::tie(x.value, x.neighbours, x.boundary, x.closer, x.tied, x.places, x.votes);
}
auto members(Is<Provenance> auto& x) {
    return std::tie(x.library, x.index, x.ties, x.k, x.fingerprint, x.build, x.same_build);
}
auto members(Is<RetraceResult::Neuron> auto& x) {
    return std::tie(x.unit, x.found);
}
auto members(Is<RetraceResult::Layer> auto& x) {
    return std::tie(x.name, x.kind, x.votes, x.evidence, x.sources, x.neurons);
}
auto members(Is<RetraceResult> auto& x) {
    return std::tie(x.provenance, x.prediction, x.outputs, x.class_names, x.votes, x.evidence, x.sources, x.layers);
}

template <class T>
concept Record = requires(T& x) {
    members(x);
};

}  // namespace detail

/// Writes an answer, or a part of one, to any cereal output archive.
template <class A, detail::Record T>
void put(A& ar, const T& record) {
    const auto one = [&ar](const auto& member) {
        using M = std::remove_cvref_t<decltype(member)>;
        if constexpr (std::same_as<M, Kind>) {
            detail::put(ar, static_cast<std::uint8_t>(member));
        } else if constexpr (detail::Record<M>) {
            put(ar, member);
        } else {
            detail::put(ar, member);
        }
    };
    std::apply([&one](const auto&... member) { (one(member), ...); }, detail::members(record));
}

/// Reads one. Throws FormatError for lengths that cannot be.
template <class A, detail::Record T>
void get(A& ar, T& record, const detail::Limit& limit = {}) {
    const auto one = [&](auto& member) {
        using M = std::remove_cvref_t<decltype(member)>;
        if constexpr (std::same_as<M, Kind>) {
            std::uint8_t kind = 0;
            detail::get(ar, kind, limit);
            member = kind == 0 ? Kind::pre : Kind::post;
        } else if constexpr (detail::Record<M>) {
            get(ar, member, limit);
        } else {
            detail::get(ar, member, limit);
        }
    };
    std::apply([&one](auto&... member) { (one(member), ...); }, detail::members(record));
}

/// save("answer.renn", result(answer)): appears whole or not at all. Throws FormatError if the file cannot be written.
template <std::same_as<RetraceResult> T>  // a template costs nothing where nobody calls it
void save(const std::string& path, const T& answer) {
    detail::write_archive(path, "result", sizeof(double), [&](auto& ar) { put(ar, answer); });
}

/// auto answer = load<RetraceResult>("answer.renn"): what was saved, bit for bit.
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content.
template <std::same_as<RetraceResult> T>
T load(const std::string& path) {
    T answer;
    detail::read_frame(path, "result", sizeof(double),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, answer, limit); });
    return answer;
}

}  // namespace renn::inline RENN_ABI
