// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE layer_conformance
#include <renn/layers/dense.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/flatten.hpp>
#include <renn/layers/standardize.hpp>

#include "support/layer_conformance.hpp"

template <class S>
renn::test::Subjects<S> renn::test::subjects() {
    const Column<S> mean = random_batch<S>(in, 1, 1);
    const Column<S> scale = random_batch<S>(in, 1, 2).array() + S(1.5);
    return hold<S>(Dense<S>(in, 19, 4), Standardize<S>(mean, scale), Standardize<S>(S(0.13), S(-0.31)), Dropout<S>(0.4),
                   Flatten<S>());
}

static_assert(renn::LinearLayer<renn::Dense<double, 3, 2>> && renn::LinearLayer<renn::Standardize<double>> &&
              renn::LinearLayer<renn::Flatten<double>> && !renn::LinearLayer<renn::Dropout<double>>);
