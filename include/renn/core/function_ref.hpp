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
        requires(!std::same_as<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, Args...>)
    FunctionRef(F&& callable) noexcept
        : callable_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
          call_([](void* f, Args... args) -> R {
              return (*static_cast<std::remove_reference_t<F>*>(f))(std::forward<Args>(args)...);
          }) {}

    R operator()(Args... args) const { return call_(callable_, std::forward<Args>(args)...); }

private:
    void* callable_;
    R (*call_)(void*, Args...);
};

}  // namespace renn::inline RENN_ABI::detail
