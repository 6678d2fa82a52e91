// SPDX-License-Identifier: MIT
// renn/core/function_ref.hpp - a callable seen by what it is called with.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

template <class Signature>
class FunctionRef;

/// Refers to a callable that outlives it. Long code that calls one seldom takes this in place of a template parameter,
/// so that it is compiled once and not once a caller.
template <class R, class... Args>
class FunctionRef<R(Args...)> {
public:
    template <class F>
        requires(!std::same_as<F, FunctionRef> && std::is_invocable_r_v<R, const F&, Args...>)
    FunctionRef(const F& callable)
    noexcept
        : callable_(std::addressof(callable)), call_([](const void* f, Args... args) -> R {
              return (*static_cast<const F*>(f))(std::forward<Args>(args)...);
          }) {}

    R operator()(Args... args) const { return call_(callable_, std::forward<Args>(args)...); }

private:
    const void* callable_;
    R (*call_)(const void*, Args...);
};

}  // namespace renn::inline RENN_ABI::detail
