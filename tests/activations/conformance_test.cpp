// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE activation_conformance
#include <renn/activations/identity.hpp>
#include <renn/activations/leaky_relu.hpp>
#include <renn/activations/relu.hpp>
#include <renn/activations/sigmoid.hpp>
#include <renn/activations/softmax.hpp>
#include <renn/activations/tanh.hpp>

#include "support/layer_conformance.hpp"

template <class S>
renn::test::Subjects<S> renn::test::subjects() {
    return hold<S>(ReLU<S>(), LeakyReLU<S>(), LeakyReLU<S>(S(-0.5)), Sigmoid<S>(), Tanh<S>(), Softmax<S>(),
                   Identity<S>());
}
