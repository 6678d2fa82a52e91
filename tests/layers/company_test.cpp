// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE layers_in_company
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cereal/archives/binary.hpp>
#include <sstream>

#include <renn/io/save.hpp>
#include <renn/network/fingerprint.hpp>
#include <renn/network/network.hpp>
#include <renn/network/sequential.hpp>

#include "support/all_layers.hpp"
#include "support/random_batch.hpp"

using renn::Batch, renn::CompositeLayer, renn::Index, renn::Network, renn::Sequential, renn::test::any_width,
    renn::test::random_batch, renn::test::same_bits;

using Scalars = boost::mpl::list<float, double>;

BOOST_AUTO_TEST_CASE_TEMPLATE(every_layer_has_the_same_bits_alone_in_a_network_in_a_sequential_and_loaded, S, Scalars) {
    renn::test::for_each_kind_of_layer<S>([](auto layer) {
        using L = decltype(layer);
        BOOST_TEST_CONTEXT(layer.describe()) {
            Index width = any_width;
            if constexpr (requires { layer.in_features(); }) width = layer.in_features();
            typename L::Cache cache;
            if constexpr (requires { layer.absorb(cache); }) {  // running statistics are saved, too
                Batch<S> y;
                layer.forward(layer.parameters(), random_batch<S>(width, 9, 3), y, cache, {.training = true});
                layer.absorb(cache);
            }
            const Batch<S> x = random_batch<S>(width, 4, 5);
            Batch<S> alone;
            layer.forward(layer.parameters(), x, alone, cache, {});

            const Network<L> network(layer);
            const Sequential<S> sequential(network);
            Sequential<S> added;
            added.add(layer);
            BOOST_TEST(same_bits(network.predict(x), alone));
            BOOST_TEST(same_bits(sequential.predict(x), alone));
            BOOST_TEST(same_bits(added.predict(x), alone));
            BOOST_TEST(renn::fingerprint(sequential) == renn::fingerprint(network));

            std::stringstream file;
            {
                cereal::BinaryOutputArchive out(file);
                renn::put(out, sequential);
            }
            Sequential<S> loaded;
            cereal::BinaryInputArchive in(file);
            renn::get(in, loaded);
            BOOST_TEST(same_bits(loaded.predict(x), alone));
            BOOST_TEST(renn::fingerprint(loaded) == renn::fingerprint(network));
            BOOST_TEST(loaded.describe() == network.describe());
        }
    });
}
