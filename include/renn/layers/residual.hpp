// SPDX-License-Identifier: MIT
// renn/layers/residual.hpp - a network plus its input.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/path.hpp>

namespace renn::inline RENN_ABI {

/// Y = N(X) + X for a network N whose outputs are as many as its inputs: Residual(Network(Dense<float>(8, 8), ...)).
/// Walks go into N; its layers are "residual1/dense1" and so on, and are the ones that are traced.
///
/// Shapes   X, Y: features x n.
/// Throws   ShapeError if N does not keep the number of features.
/// Source   He et al. (2016), the identity shortcut.
template <class Net>
class Residual {
public:
    using Scalar = typename Net::Scalar;
    using Parameters = typename Net::Parameters;
    static constexpr std::string_view name = "Residual";
    static constexpr Wiring wiring = Wiring::residual;

    struct Cache {
        typename Net::Cache inner;
        Batch<Scalar> output;  ///< of N
        Batch<Scalar> share;   ///< scratch of a rule
    };

    Residual() = default;
    explicit Residual(Net net) : net_(std::move(net)) {
        static_assert(CompositeLayer<Net>, "renn::Residual: takes a network; Residual(Network(...))");
        check_sizes();
    }

    const Net& network() const noexcept { return net_; }
    Net& network() noexcept { return net_; }
    const Parameters& parameters() const noexcept { return net_.parameters(); }
    Parameters& parameters() noexcept { return net_.parameters(); }
    Index in_features() const noexcept {
        return net_.in_features() != Dynamic ? net_.in_features() : net_.out_features();
    }
    Index out_features() const noexcept { return in_features(); }
    bool mixes_samples() const noexcept { return net_.mixes_samples(); }
    void absorb(const Cache& cache) { net_.absorb(cache.inner); }

    void forward(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache,
                 const Pass& pass) const {
        NoVisit none;
        detail::Path path;
        walk(w, x, y, cache, pass, none, path);
    }

    template <class V>
    void walk(const Parameters& w, const BatchView<Scalar>& x, Batch<Scalar>& y, Cache& cache, const Pass& pass,
              V& visitor, detail::Path& path) const {
        net_.walk(w, x, cache.output, cache.inner, pass, visitor, path);
        detail::require_shape("Residual", "output of the network", cache.output, x.rows(), x.cols());
        y = cache.output + x;
    }

    template <class Dx, class G>
    void backward(const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>&, Cache& cache,
                  const BatchView<Scalar>& dy, Dx& dx, G& g) const {
        net_.backward(w, x, cache.output, cache.inner, dy, dx, g);
        if constexpr (is_wanted<Dx>) dx += dy;
    }

    template <class Rule, class Below>
    void walk_back(Rule& rule, const Parameters& w, const BatchView<Scalar>& x, const BatchView<Scalar>& y,
                   Cache& cache, const BatchView<Scalar>& above, Below& below, Parameters* gradient,
                   detail::Path& path) const {
        const BatchView<Scalar> through =
            share(rule, path.view(), BatchView<Scalar>(cache.output), y, above, cache.share);
        net_.walk_back(rule, w, x, cache.output, cache.inner, through, below, gradient, path);
        if constexpr (is_wanted<Below>) below += share(rule, path.view(), x, y, above, cache.share);
    }

    template <class Dw>
    void tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                 const BatchView<Scalar>&, Cache& cache, Batch<Scalar>& dy) const {
        net_.tangent(w, dw, x, dx, cache.output, cache.inner, dy);
        dy += dx;
    }

    template <class Dw, class G>
    void backward_tangent(const Parameters& w, const Dw& dw, const BatchView<Scalar>& x, const BatchView<Scalar>& dx,
                          const BatchView<Scalar>&, Cache& cache, const BatchView<Scalar>& above,
                          const BatchView<Scalar>& above_tangent, Batch<Scalar>& dx_tangent, G& g) const {
        net_.backward_tangent(w, dw, x, dx, cache.output, cache.inner, above, above_tangent, dx_tangent, g);
        dx_tangent += above_tangent;
    }

    template <class Self, class P, class F>
    static void for_each_child(Self& self, P& parameters, F&& f) {
        Net::for_each_child(self.net_, parameters, f);
    }

    const auto& names() const noexcept { return net_.names(); }
    template <class Names>
    void rename_all(Names new_names) {
        net_.rename_all(std::move(new_names));
    }

    std::string kinds() const { return std::string(name) + net_.kinds(); }
    std::string describe() const { return std::string(name) + " " + net_.describe(); }

    void take_kinds(std::string_view wanted, Parameters& parameters) {
        if (!wanted.starts_with(name)) {
            detail::raise<MismatchError>("network", "layers", std::string(wanted), kinds());
        }
        net_.take_kinds(wanted.substr(name.size()), parameters);
    }

    void check_sizes() const {
        net_.check_sizes();
        const Index in = net_.in_features(), out = net_.out_features();
        if (in != Dynamic && out != Dynamic && in != out) {
            detail::raise<ShapeError>("Residual", "out_features of the network", std::to_string(out),
                                      std::to_string(in) + ", its in_features");
        }
    }

private:
    Net net_;
};

}  // namespace renn::inline RENN_ABI
