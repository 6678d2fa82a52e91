// SPDX-License-Identifier: MIT
// renn/layers/concatenate.hpp - several networks side by side on one input.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>
#include <renn/core/rng.hpp>

namespace renn::inline RENN_ABI {

/// Y = [N1(X); N2(X); ...]: every branch sees the same input, their outputs stand one below the other. The branches are
/// networks, named "branch1", "branch2"; their layers "concatenate1/branch1/dense1".
///
/// Shapes   X: features x n, Y: sum of the branches' outputs x n. Convolutions of equal height and width concatenate
///          along the channels.
/// Throws   ShapeError if the branches want inputs of different widths.
/// Source   Szegedy et al. (2015).
template <class First, class... Rest>
class Concatenate {
    using Branches = std::tuple<First, Rest...>;

public:
    static constexpr std::size_t size = 1 + sizeof...(Rest);
    using Scalar = typename First::Scalar;
    static_assert((std::is_same_v<Scalar, typename Rest::Scalar> && ...),
                  "renn::Concatenate: all branches must have the same Scalar");
    static constexpr std::string_view name = "Concatenate";
    static constexpr Wiring wiring = Wiring::side_by_side;

    struct Parameters {
        std::tuple<typename First::Parameters, typename Rest::Parameters...> branches;
        auto blocks() noexcept {
            return std::apply([](auto&... p) { return std::tie(p...); }, branches);
        }
        auto blocks() const noexcept {
            return std::apply([](const auto&... p) { return std::tie(p...); }, branches);
        }
    };

    struct Cache {
        std::tuple<typename First::Cache, typename Rest::Cache...> branches;
        std::array<Batch<Scalar>, size> outputs;
        std::array<Batch<Scalar>, size> deltas;    ///< below each branch
        std::array<Batch<Scalar>, size> tangents;  ///< of the outputs
    };

    Concatenate() { take_over(); }
    explicit Concatenate(First first, Rest... rest) : branches_(std::move(first), std::move(rest)...) {
        static_assert(CompositeLayer<First> && (CompositeLayer<Rest> && ...),
                      "renn::Concatenate: takes networks; Concatenate(Network(...), Network(...))");
        take_over();
        check_sizes();
    }

    template <std::size_t I>
    const auto& branch() const noexcept {
        return std::get<I>(branches_);
    }
    template <std::size_t I>
    auto& branch() noexcept {
        return std::get<I>(branches_);
    }

    const Parameters& parameters() const noexcept { return parameters_; }
    Parameters& parameters() noexcept { return parameters_; }

    Index in_features() const noexcept {
        Index width = Dynamic;
        for_each([&width](const auto& branch, auto) { width = width == Dynamic ? branch.in_features() : width; });
        return width;
    }
    /// Dynamic if a branch's output follows its input.
    Index out_features() const noexcept {
        Index width = 0;
        for_each([&width](const auto& branch, auto) {
            const Index out = branch.out_features();
            width = width == Dynamic || out == Dynamic ? Dynamic : width + out;
        });
        return width;
    }
    bool mixes_samples() const noexcept {
        bool mixes = false;
        for_each([&mixes](const auto& branch, auto) { mixes = mixes || branch.mixes_samples(); });
        return mixes;
    }
    void absorb(const Cache& cache) {
        each(*this, [&](auto& branch, auto i) { branch.absorb(std::get<i>(cache.branches)); });
    }

    void forward(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache,
                 const Pass& pass) const {
        NoVisit none;
        detail::Path path;
        walk(w, x, y, cache, pass, none, path);
    }

    template <class V>
    void walk(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
              V& visitor, detail::Path& path) const {
        Index rows = 0;
        for_each([&](const auto& branch, auto i) {
            Pass inner = pass;
            inner.path = mix(pass.path, i + 1);
            const auto guard = path.enter(names_[i]);
            branch.walk(std::get<i>(w.branches), x, cache.outputs[i], std::get<i>(cache.branches), inner, visitor,
                        path);
            rows += cache.outputs[i].rows();
        });
        stack(cache.outputs, rows, x.cols(), y);
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>&, Cache& cache,
                  const BatchView<Scalar>& dy, Dx& dx, G& g) const {
        for_each_part(cache.outputs, dy, x.cols(), [&](const auto& branch, auto i, const BatchView<Scalar>& above) {
            const auto back = [&](auto& below, auto& gradient) {
                branch.backward(std::get<i>(w.branches), x, cache.outputs[i], std::get<i>(cache.branches), above, below,
                                gradient);
            };
            const auto into = [&](auto& gradient) {
                if constexpr (is_wanted<Dx>) {
                    add(i, dx, cache.deltas[i], [&](auto& below) { back(below, gradient); });
                } else {
                    back(dx, gradient);
                }
            };
            if constexpr (is_wanted<G>) {
                into(std::get<i>(g.branches));
            } else {
                into(g);
            }
        });
    }

    template <class Rule, class Below>
    void walk_back(Rule& rule, const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>&, Cache& cache,
                   const BatchView<Scalar>& above, Below& below, Parameters* gradient, detail::Path& path) const {
        // A rule may walk with fewer columns than the pass had.
        for_each_part(cache.outputs, above, above.cols(),
                      [&](const auto& branch, auto i, const BatchView<Scalar>& over) {
                          const auto guard = path.enter(names_[i]);
                          auto* slot = gradient == nullptr ? nullptr : &std::get<i>(gradient->branches);
                          const auto back = [&](auto& under) {
                              branch.walk_back(rule, std::get<i>(w.branches), x, cache.outputs[i],
                                               std::get<i>(cache.branches), over, under, slot, path);
                          };
                          if constexpr (is_wanted<Below>) {
                              add(i, below, cache.deltas[i], back);
                          } else {
                              back(below);
                          }
                      });
    }

    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                 const BatchView<Scalar>& y, Cache& cache, Batch<Scalar>& dy) const {
        for_each([&](const auto& branch, auto i) {
            branch.tangent(std::get<i>(w.branches), part<i>(dw), x, dx, cache.outputs[i], std::get<i>(cache.branches),
                           cache.tangents[i]);
        });
        stack(cache.tangents, y.rows(), y.cols(), dy);
    }

    template <class Dw, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                          const BatchView<Scalar>&, Cache& cache, const BatchView<Scalar>& above,
                          const BatchView<Scalar>& above_tangent, Batch<Scalar>& dx_tangent, G& g) const {
        Index first = 0;
        for (const auto& output : cache.outputs) first += output.rows();
        detail::require_shape("Concatenate", "tangent of what arrives above", above_tangent, first, x.cols());
        detail::require_shape("Concatenate", "what arrives above", above, first, x.cols());
        first = 0;
        for_each([&](const auto& branch, auto i) {
            const Index rows = cache.outputs[i].rows();
            auto&& slot = part<i>(g);
            add(i, dx_tangent, cache.deltas[i], [&](auto& below) {
                branch.backward_tangent(std::get<i>(w.branches), part<i>(dw), x, dx, cache.outputs[i],
                                        std::get<i>(cache.branches), above.middleRows(first, rows),
                                        above_tangent.middleRows(first, rows), below, slot);
            });
            first += rows;
        });
    }

    template <class Self, class P, class F>
    static void for_each_child(Self& self, P& parameters, F&& f) {
        each(self,
             [&](auto& branch, auto i) { f(std::as_const(self.names_[i]), branch, std::get<i>(parameters.branches)); });
    }

    const std::vector<std::string>& names() const noexcept { return names_; }
    void rename_all(const std::vector<std::string>& new_names) {
        if (new_names != names_) detail::raise<DataError>("rename", "branches have fixed names");
    }

    std::string kinds() const {
        return listed([](const auto& branch) { return branch.kinds(); });
    }
    std::string describe() const {
        return std::string(name) + " " +
               listed([](const auto& branch) { return branch.describe(); }).substr(name.size());
    }

    void take_kinds(std::string_view wanted, Parameters& parameters) {
        const auto refuse = [&] { detail::raise<MismatchError>("network", "layers", std::string(wanted), kinds()); };
        if (!wanted.starts_with(name) || wanted.size() < name.size() + 2) refuse();
        std::string_view rest = wanted.substr(name.size() + 1, wanted.size() - name.size() - 2);
        each(*this, [&](auto& branch, auto i) {
            int depth = 0;
            std::size_t end = 0;
            while (end < rest.size() && (depth > 0 || rest[end] != ',')) {
                depth += rest[end] == '[' ? 1 : rest[end] == ']' ? -1 : 0;
                ++end;
            }
            branch.take_kinds(rest.substr(0, end), std::get<i>(parameters.branches));
            rest = rest.substr(std::min(rest.size(), end + 2));
        });
        if (!rest.empty()) refuse();
    }

    void check_sizes() const {
        const Index width = in_features();
        for_each([&](const auto& branch, auto i) {
            branch.check_sizes();
            if (branch.in_features() != Dynamic && branch.in_features() != width) {
                detail::raise<ShapeError>("Concatenate", "in_features of " + names_[i],
                                          std::to_string(branch.in_features()),
                                          std::to_string(width) + ", those of the other branches");
            }
        });
    }

private:
    template <class Self, class F>
    static void each(Self& self, F&& f) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (f(std::get<I>(self.branches_), std::integral_constant<std::size_t, I>{}), ...);
        }
        (std::make_index_sequence<size>{});
    }
    template <class F>
    void for_each(F&& f) const {
        each(*this, f);
    }

    /// f(branch, i, the rows of `above` that are that branch's).
    template <class F>
    void for_each_part(const std::array<Batch<Scalar>, size>& outputs, const BatchView<Scalar>& above, Index samples,
                       F&& f) const {
        Index first = 0;
        for (const auto& output : outputs) first += output.rows();
        detail::require_shape("Concatenate", "what arrives above", above, first, samples);
        first = 0;
        for_each([&](const auto& branch, auto i) {
            f(branch, i, BatchView<Scalar>(above.middleRows(first, outputs[i].rows())));
            first += outputs[i].rows();
        });
    }

    /// Sums what the branches bring below, in their order: the first writes, the others add.
    template <class F>
    static void add(std::size_t i, Batch<Scalar>& sum, Batch<Scalar>& delta, F&& back) {
        if (i == 0) {
            back(sum);
        } else {
            back(delta);
            sum += delta;
        }
    }

    static void stack(const std::array<Batch<Scalar>, size>& parts, Index rows, Index cols, Batch<Scalar>& y) {
        detail::reshape(y, rows, cols);
        Index first = 0;
        for (const auto& one : parts) {
            y.middleRows(first, one.rows()) = one;
            first += one.rows();
        }
    }

    template <std::size_t I, class D>
    static decltype(auto) part(D& d) {
        if constexpr (is_wanted<D>) {
            return std::get<I>((d.branches));
        } else {
            return NotWanted{};
        }
    }

    template <class F>
    std::string listed(F&& text_of) const {
        std::string text;
        for_each([&](const auto& branch, auto i) { text += (i == 0 ? "" : ", ") + text_of(branch); });
        return std::string(name) + "[" + text + "]";
    }

    void take_over() {
        each(*this, [this](auto& branch, auto i) {
            std::get<i>(parameters_.branches) = std::exchange(branch.parameters(), {});
            names_.push_back("branch" + std::to_string(i + 1));
        });
    }

    Branches branches_;
    Parameters parameters_;
    std::vector<std::string> names_;
};

}  // namespace renn::inline RENN_ABI
