// SPDX-License-Identifier: MIT
// renn/network/basic_sequential.hpp - layers one after another, known when the program runs.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/core/with_index.hpp>
#include <renn/layers/concatenate.hpp>
#include <renn/layers/residual.hpp>
#include <renn/network/for_each_layer.hpp>
#include <renn/network/layer_sequence.hpp>
#include <renn/network/names.hpp>

namespace renn::inline RENN_ABI {

template <class S, class... Kinds>
class BasicSequential;

namespace detail {

/// A vector of a type that is completed later and that holds, some way down, what holds the vector. Asked whether it
/// can be copied, moved or destroyed it does not look at its elements, which would go round in a circle.
template <class T>
class Late {
public:
    // NOLINTBEGIN(modernize-use-equals-default, cert-oop54-cpp): defaulted, they would be asked of T; a vector can be
    // assigned to itself.
    Late() noexcept {}
    Late(const Late& other) : values_(other.values_) {}
    Late(Late&& other) noexcept : values_(std::move(other.values_)) {}
    Late& operator=(const Late& other) {
        values_ = other.values_;
        return *this;
    }
    Late& operator=(Late&& other) noexcept {
        values_ = std::move(other.values_);
        return *this;
    }
    ~Late() {}
    // NOLINTEND(modernize-use-equals-default, cert-oop54-cpp)

    std::vector<T>& operator*() noexcept { return values_; }
    const std::vector<T>& operator*() const noexcept { return values_; }
    std::vector<T>* operator->() noexcept { return &values_; }
    const std::vector<T>* operator->() const noexcept { return &values_; }
    T& operator[](std::size_t i) noexcept { return values_[i]; }
    const T& operator[](std::size_t i) const noexcept { return values_[i]; }

private:
    std::vector<T> values_;
};

/// The kinds of layers a run-time network may hold: those given, and itself in the three ways networks nest.
template <class S, class... Kinds>
struct RunTimeKinds {
    using Self = BasicSequential<S, Kinds...>;
    using Layer = std::variant<Kinds..., Self, Residual<Self>, Concatenate<Self, Self>>;
    static constexpr std::size_t count = sizeof...(Kinds) + 3;
    static constexpr std::size_t nested = sizeof...(Kinds);  ///< place of Self
};

template <class S, class... Kinds>
struct RunTimeParameters {
    struct Part;
    static constexpr bool is_run_time = true;
    Late<Part> layers;

    template <class F, class First, class... Others>
    static void zip(F&& f, First& first, Others&... others) {
        for (std::size_t i = 0; i < first.layers->size(); ++i) {
            with_index<RunTimeKinds<S, Kinds...>::count>(first.layers[i].value.index(), [&](auto k) {
                f(std::get<k>(first.layers[i].value), std::get<k>(others.layers[i].value)...);
            });
        }
    }
};

template <class S, class... Kinds>
struct RunTimeCache {
    struct Part;
    std::vector<Batch<S>> outputs, deltas, tangents, delta_tangents;
    Late<Part> layers;
};

template <class Variant>
struct PartsOf;
template <class... Ls>
struct PartsOf<std::variant<Ls...>> {
    using Parameters = std::variant<typename Ls::Parameters...>;
    using Cache = std::variant<typename Ls::Cache...>;
    static constexpr std::array<std::string_view, sizeof...(Ls)> names{Ls::name...};
};

template <class S, class... Kinds>
struct RunTimeParameters<S, Kinds...>::Part {
    typename PartsOf<typename RunTimeKinds<S, Kinds...>::Layer>::Parameters value;
};
template <class S, class... Kinds>
struct RunTimeCache<S, Kinds...>::Part {
    typename PartsOf<typename RunTimeKinds<S, Kinds...>::Layer>::Cache value;
};

template <class S, class... Kinds>
using RunTimeSequence =
    LayerSequence<BasicSequential<S, Kinds...>, S, RunTimeParameters<S, Kinds...>, RunTimeCache<S, Kinds...>>;

}  // namespace detail

/// A network whose layers are only known at run time, each of one of the given kinds (or a nested network, a Residual
/// or a Concatenate of two). The same numbers as the Network of the same layers, bit for bit, and the same file.
/// `Sequential<S>` has all of renn's layers; with a layer of your own: BasicSequential<float, Dense<float>, MyLayer>.
///
/// A layer's type may differ from its kind in what only matters to the compiler: Dense<float, 3, 4> is held as
/// Dense<float>. Without layers it hands its input on.
///
/// Throws   ShapeError where sizes do not fit, naming the layer.
/// Threads  const members may run on several threads at once, each with its own Workspace.
template <class S, class... Kinds>
class BasicSequential : public detail::RunTimeSequence<S, Kinds...> {
    using Base = detail::RunTimeSequence<S, Kinds...>;
    using All = detail::RunTimeKinds<S, Kinds...>;
    friend Base;
    friend typename Base::Tangents;

public:
    static constexpr std::string_view name = "Sequential";
    using typename Base::Cache;
    using typename Base::Parameters;

    BasicSequential() = default;

    /// Sequential<float>(Dense<float>(3, 4), ReLU<float>(), Dense<float>(4, 2)). A single network is not nested but
    /// taken over, layer by layer, with its names.
    template <class First, class... Rest>
        requires(!std::is_same_v<First, BasicSequential>)
    explicit BasicSequential(const First& first, const Rest&... rest) {
        if constexpr (sizeof...(Rest) == 0 && requires { requires First::wiring == Wiring::chain; }) {
            take(first, first.parameters());
        } else {
            add(first);
            (add(rest), ...);
        }
        this->check_sizes();
    }

    std::size_t size() const noexcept { return layers_->size(); }

    /// Appends a layer with its parameters; it is named after its kind and number. Throws ShapeError if it does not
    /// take what comes out before it; then nothing has changed.
    template <class L>
    BasicSequential& add(const L& layer) {
        return add(layer, layer.parameters());
    }
    /// The same with these parameters in place of the layer's own.
    template <class L>
    BasicSequential& add(const L& layer, const typename L::Parameters& parameters) {
        std::string free_name;
        for (int number = 1; free_name.empty(); ++number) {
            free_name = detail::default_name(L::name, number);
            for (const std::string& taken : this->names_) {
                if (taken == free_name) free_name.clear();
            }
        }
        detail::Flow flow = this->flow();
        flow.pass(layer, name, free_name);
        append(layer, parameters);
        this->names_.push_back(std::move(free_name));
        return *this;
    }

    /// Calls f(layer, parameters) for the layer at a place. Throws DataError if there is none.
    template <class F>
    void visit(std::size_t place, F&& f) const {
        if (place >= size()) {
            detail::raise<DataError>("Sequential::visit", "layer", std::to_string(place),
                                     "0.." + std::to_string(static_cast<Index>(size()) - 1));
        }
        dispatch(place, [&](auto k) { f(layer_at<k>(*this, place), part<k>(this->parameters_, place)); });
    }

    /// Becomes a network of these kinds(), as they are by default and without sizes. Throws MismatchError for a kind it
    /// does not know.
    void take_kinds(std::string_view wanted, Parameters& parameters) {
        const auto refuse = [&](std::string_view got) {
            detail::raise<MismatchError>("Sequential", "kind of a layer", got,
                                         "one of " + detail::joined(names_of_kinds()));
        };
        if (wanted.size() < 2 || wanted.front() != '[' || wanted.back() != ']') refuse(wanted);
        layers_->clear();
        this->names_.clear();
        parameters.layers->clear();
        std::string_view rest = wanted.substr(1, wanted.size() - 2);
        while (!rest.empty()) {
            int depth = 0;
            std::size_t end = 0;
            for (; end < rest.size() && (depth > 0 || rest[end] != ','); ++end) {
                depth += rest[end] == '[' ? 1 : rest[end] == ']' ? -1 : 0;
                if (depth > 32) refuse("networks nested more than 32 deep");
            }
            const std::string_view one = rest.substr(0, end);
            const std::string_view kind = one.substr(0, one.find('['));
            std::size_t at = kind.empty() ? All::nested : 0;
            while (at < names_of_kinds().size() && names_of_kinds()[at] != kind && !kind.empty()) ++at;
            if (at == names_of_kinds().size()) refuse(one);
            detail::with_index<All::count>(at, [&](auto k) { append_default<k>(one, parameters); });
            this->names_.push_back(detail::default_name("layer", static_cast<int>(layers_->size())));
            rest = rest.substr(std::min(rest.size(), end + 2));
        }
    }

private:
    struct Held {
        typename All::Layer value;
    };
    static constexpr const auto& names_of_kinds() noexcept { return detail::PartsOf<typename All::Layer>::names; }

    template <class F>
    void dispatch(std::size_t i, F&& f) const {
        detail::with_index<All::count>(layers_[i].value.index(), f);
    }
    template <std::size_t K, class Self>
    static auto& layer_at(Self& self, std::size_t i) {
        return std::get<K>(self.layers_[i].value);
    }
    template <std::size_t K, class P>
    static auto& part(P& parameters, std::size_t i) {
        return std::get<K>(parameters.layers[i].value);
    }
    template <std::size_t K, class C>
    static auto& cache_part(C& cache, std::size_t i) {
        return std::get<K>(cache.layers[i].value);
    }
    static constexpr bool may_be_first(std::size_t) noexcept { return true; }
    static constexpr bool may_be_later(std::size_t) noexcept { return true; }

    void prepare(Cache& cache) const {
        const std::size_t between = size() == 0 ? 0 : size() - 1;
        for (auto* buffers : {&cache.outputs, &cache.deltas, &cache.tangents, &cache.delta_tangents}) {
            if (buffers->size() != between) buffers->resize(between);
        }
        if (cache.layers->size() != size()) cache.layers->resize(size());
        for (std::size_t i = 0; i < size(); ++i) {
            dispatch(i, [&](auto k) {
                auto& inner = cache.layers[i].value;
                if (inner.index() != k) inner.template emplace<k>();
            });
        }
    }

    /// The kind that holds layers of a name: every way to write a network is a nested Sequential here.
    static constexpr std::size_t kind_of(std::string_view wanted) {
        if (wanted == "Network") return All::nested;
        std::size_t k = 0;
        while (k < names_of_kinds().size() && names_of_kinds()[k] != wanted) ++k;
        return k;
    }

    /// A layer of any type as one of its kind: constants and parameters are taken over, what is nested likewise.
    template <class L, class W>
    void append(const L& layer, const W& weights) {
        constexpr std::size_t k = kind_of(L::name);
        static_assert(k < All::count, "renn::Sequential: this kind of layer is not among its kinds");
        if constexpr (k < All::count) {
            Held held{typename All::Layer(std::in_place_index<k>)};
            typename Parameters::Part part{decltype(Parameters::Part::value)(std::in_place_index<k>)};
            copy(layer, weights, std::get<k>(held.value), std::get<k>(part.value));
            layers_->push_back(std::move(held));
            this->parameters_.layers->push_back(std::move(part));
        }
    }

    template <class From, class P, class To, class Q>
    static void copy(const From& from, const P& weights, To& to, Q& kept) {
        if constexpr (std::is_same_v<From, To>) {
            to = from;
            kept = weights;
            if constexpr (!CompositeLayer<To> && requires { to.parameters() = Q{}; }) to.parameters() = Q{};
        } else if constexpr (std::is_same_v<To, BasicSequential>) {
            to.take(from, weights);
            kept = std::exchange(to.parameters(), {});
        } else if constexpr (requires { requires From::wiring == Wiring::residual; }) {
            copy(from.network(), weights, to.network(), kept);
        } else if constexpr (CompositeLayer<From>) {
            static_assert(From::size == To::size, "renn::Sequential: a Concatenate here has two branches; nest them");
            copy(from.template branch<0>(), std::get<0>(weights.branches), to.template branch<0>(),
                 std::get<0>(kept.branches));
            copy(from.template branch<1>(), std::get<1>(weights.branches), to.template branch<1>(),
                 std::get<1>(kept.branches));
        } else {
            if constexpr (requires { to.constants(); }) to.constants() = from.constants();
            if constexpr (requires { weights.blocks(); }) kept.blocks() = weights.blocks();
        }
    }

    /// Layers, parameters and names of a network of any type.
    template <class Net, class W>
    void take(const Net& net, const W& parameters) {
        Net::for_each_child(net, parameters, [this](const std::string& given, const auto& layer, const auto& weights) {
            append(layer, weights);
            this->names_.push_back(given);
        });
    }

    template <std::size_t K>
    void append_default(std::string_view kinds, Parameters& parameters) {
        Held held{typename All::Layer(std::in_place_index<K>)};
        typename Parameters::Part part{decltype(Parameters::Part::value)(std::in_place_index<K>)};
        auto& layer = std::get<K>(held.value);
        if constexpr (CompositeLayer<std::remove_cvref_t<decltype(layer)>>) {
            layer.take_kinds(kinds, std::get<K>(part.value));
        }
        layers_->push_back(std::move(held));
        parameters.layers->push_back(std::move(part));
    }

    detail::Late<Held> layers_;
};

}  // namespace renn::inline RENN_ABI
