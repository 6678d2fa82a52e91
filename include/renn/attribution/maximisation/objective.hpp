// SPDX-License-Identifier: MIT
// renn/attribution/maximisation/objective.hpp - what a picture is made for: a weighted sum of targets, anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <renn/attribution/target.hpp>

namespace renn::inline RENN_ABI::maximisation {

/// What a term of an objective looks at: the network's outputs, what one of its layers puts out, the picture itself, or
/// the code that the picture is made from.
enum class Look : std::uint8_t { outputs, layer, picture, code };

/// A Target, where it looks, and how much it counts: in a batch of pictures `first` for the first of them to `last` for
/// the last, evenly between. Targets that tie the pictures of a batch together give as slope the derivative of the sum
/// of their values.
template <class T>
struct Term {
    T target;
    Look look = Look::outputs;
    std::string layer = {};
    double first = 1.0, last = 1.0;
};

/// A sum of terms. Objectives are a vector space: penalties and densities are objectives as well.
///
///     logit(3) + 0.5 * neuron("dense1", 7) - 1e-4 * squared_norm() + on_picture(expert)
template <class... Ts>
struct Objective {
    std::tuple<Term<Ts>...> terms;
};

/// A target on the outputs.
template <class T>
Objective<T> on_outputs(T target) {
    return {{Term<T>{std::move(target), Look::outputs}}};
}
/// A target on what a layer puts out.
template <class T>
Objective<T> on_layer(std::string layer, T target) {
    return {{Term<T>{std::move(target), Look::layer, std::move(layer)}}};
}
/// A target on the picture: a penalty (with a minus), or the log density of an expert.
template <class T>
Objective<T> on_picture(T target) {
    return {{Term<T>{std::move(target), Look::picture}}};
}
/// A target on the code. Without a code it is the picture.
template <class T>
Objective<T> on_code(T target) {
    return {{Term<T>{std::move(target), Look::code}}};
}

/// Any target as an objective: one on the outputs, or with at(place, target) on a layer.
template <class T>
Objective<T> objective(T target) {
    return on_outputs(std::move(target));
}
/// \copydoc objective(T)
template <class T>
Objective<T> objective(PlaceTarget<T> target) {
    return on_layer(std::move(target.place), std::move(target.target));
}
/// \copydoc objective(T)
template <class... Ts>
Objective<Ts...> objective(Objective<Ts...> o) {
    return o;
}

/// Weighs an objective from one factor for the first picture of a batch to another for the last.
template <class... Ts>
Objective<Ts...> weighted(Objective<Ts...> o, double first, double last) {
    std::apply([&](auto&... term) { ((term.first *= first, term.last *= last), ...); }, o.terms);
    return o;
}
/// \copydoc weighted
template <class... Ts>
Objective<Ts...> operator*(double factor, Objective<Ts...> o) {
    return weighted(std::move(o), factor, factor);
}
/// The other way round.
template <class... Ts>
Objective<Ts...> operator-(Objective<Ts...> o) {
    return weighted(std::move(o), -1.0, -1.0);
}
/// Both.
template <class... As, class... Bs>
Objective<As..., Bs...> operator+(Objective<As...> a, Objective<Bs...> b) {
    return {std::tuple_cat(std::move(a.terms), std::move(b.terms))};
}
/// The first without the second.
template <class... As, class... Bs>
Objective<As..., Bs...> operator-(Objective<As...> a, Objective<Bs...> b) {
    return std::move(a) + -std::move(b);
}

/// From the one for the first picture of a batch to the other for the last.
template <class... As, class... Bs>
Objective<As..., Bs...> interpolated(Objective<As...> a, Objective<Bs...> b) {
    return weighted(std::move(a), 1.0, 0.0) + weighted(std::move(b), 0.0, 1.0);
}

}  // namespace renn::inline RENN_ABI::maximisation
