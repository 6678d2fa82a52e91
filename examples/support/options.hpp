// SPDX-License-Identifier: MIT
// support/options.hpp - what the command lines of the programs share.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

/// Reads the command line; false where help was asked for and printed. Throws CLI::ParseError.
inline bool parsed(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp& help) {
        app.exit(help);
        return false;
    }
    return true;
}

/// Where the digits are.
inline void add_data_option(CLI::App& app, std::string& data) {
    app.add_option("-d,--data", data, "folder with the four IDX files of MNIST; found by itself if left out");
}

/// Of programs that measure: which of several things, by default all that `items` names, and where the digits are.
inline void add_measuring_options(CLI::App& app, std::vector<std::string>& items, std::string& data) {
    app.option_defaults()->always_capture_default();
    app.add_option("--items", items, "what to measure")
        ->delimiter(',')
        ->check(CLI::IsMember(std::vector<std::string>(items)));
    add_data_option(app, data);
}
