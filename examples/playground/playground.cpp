// SPDX-License-Identifier: MIT
// playground - compose a network, train it, retrace its predictions and look, in a browser on this machine.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "../support/mnist.hpp"
#include "../support/options.hpp"
#include "app/app.hpp"
#include "assets.hpp"
#include "http/server.hpp"

namespace {

/// Shows the address in the user's browser, where there is one.
void open_browser(const std::string& address) {
    const std::string command = "command -v xdg-open > /dev/null && xdg-open '" + address + "' > /dev/null 2>&1 &";
    if (std::system(command.c_str()) != 0) return;
}

/// On the port; where that is taken and was not asked for by name, on any that is free.
std::unique_ptr<playground::Server> serve(playground::ServerOptions options, bool exactly, playground::App& app) {
    try {
        return std::make_unique<playground::Server>(options, playground::make_router(app), playground::assets());
    } catch (const playground::PortTaken& taken) {
        if (exactly) throw;
        std::fprintf(stderr, "%s, so another one is used\n", taken.what());
    }
    options.port = 0;
    return std::make_unique<playground::Server>(options, playground::make_router(app), playground::assets());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App cli("Compose a network, train it, retrace its predictions and look, in a browser on this machine.");
    playground::ServerOptions server_options{.port = 8137};
    playground::AppOptions options{.program = argv[0]};
    bool no_open = false;
    const auto* port =
        cli.add_option("-p,--port", server_options.port,
                       "port on 127.0.0.1; 0: any that is free; if left out, another one where this is taken")
            ->capture_default_str();
    add_data_option(cli, options.data);
    cli.add_option("-l,--load", options.load,
                   "traced network that new tabs begin with, as this program and mnist_retrace --save write");
    cli.add_flag("--no-open", no_open, "do not open a browser");
    return mnist::run_program("playground", [&] {
        if (!parsed(cli, argc, argv)) return;
        playground::App app(options);
        const auto server = serve(server_options, port->count() > 0, app);
        std::printf("The playground is at %s\nCtrl+C ends it.\n", server->address().c_str());
        std::fflush(stdout);
        if (!no_open) open_browser(server->address());
        // The first query of a loaded network need not wait for its whole index.
        const std::jthread getting_ready([&app](const std::stop_token& stop) {
            if (!app.beginning.model) return;
            app.beginning.model->traced.index().build(0, [&](const renn::Progress&) { return !stop.stop_requested(); });
        });
        server->run();
    });
}
