// SPDX-License-Identifier: MIT
// renn/io/save_point.hpp - tables of traced places in archives.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/core/shape.hpp>
#include <renn/io/archive.hpp>
#include <renn/tracing/point.hpp>

namespace renn::inline RENN_ABI {

/// Writes one traced place to any cereal output archive.
template <class A>
void put(A& ar, const Point& point) {
    detail::put(ar, point.name);
    detail::put(ar, static_cast<std::uint8_t>(point.kind));
    detail::put(ar, static_cast<std::int64_t>(point.layer));
    detail::put(ar, static_cast<std::int64_t>(point.width));
    detail::put(ar, static_cast<std::int64_t>(point.derived_from));
    detail::put(ar, point.units);
    for (const Shape& shape : {point.shape, point.cells}) {
        for (const Index size : {shape.channels, shape.height, shape.width}) {
            detail::put(ar, static_cast<std::int64_t>(size));
        }
    }
    detail::put(ar, static_cast<std::uint8_t>(point.pool));
}

/// Throws FormatError unless the point can stand at place `number` of a table.
template <class A>
void get(A& ar, Point& point, const detail::Limit& limit) {
    std::uint8_t kind = 0;
    std::int64_t layer = 0, width = 0, derived_from = 0;
    detail::get(ar, point.name, limit);
    detail::get(ar, kind, limit);
    detail::get(ar, layer, limit);
    detail::get(ar, width, limit);
    detail::get(ar, derived_from, limit);
    detail::get(ar, point.units, limit);
    for (Shape* shape : {&point.shape, &point.cells}) {
        for (Index* size : {&shape->channels, &shape->height, &shape->width}) {
            std::int64_t value = 0;
            detail::get(ar, value, limit);
            *size = value;
        }
    }
    std::uint8_t pool = 0;
    detail::get(ar, pool, limit);
    point.pool = pool == 0 ? Pool::mean : Pool::max;
    point.kind = kind == 0 ? Kind::pre : Kind::post;
    point.layer = layer;
    point.width = width;
    point.derived_from = derived_from;
}

namespace detail {

inline void check_point(const std::vector<Point>& points, std::size_t number) {
    const Point& point = points[number];
    bool fine = point.width >= 0 && point.derived_from >= -1 && point.derived_from < static_cast<Index>(number);
    const Shape &shape = point.shape, &cells = point.cells;
    const auto within = [](Index size, Index most) { return size >= 0 && size <= most; };
    const Index most = std::numeric_limits<std::int32_t>::max();  // so that no product of two wraps
    fine = fine && within(shape.channels, most) && within(shape.height, most) && within(shape.width, most);
    fine = fine && within(cells.channels, shape.channels) && within(cells.height, std::max<Index>(1, shape.height)) &&
           within(cells.width, std::max<Index>(1, shape.width));
    fine = fine && (shape.channels == 0 || (shape.positions() <= point.width && shape.size() == point.width));
    fine = fine && (cells.size() == 0 || (cells.channels == shape.channels && point.stored()));
    for (std::size_t u = 0; u < point.units.size(); ++u) {
        fine = fine && static_cast<Index>(point.units[u]) < point.neurons() &&
               (u == 0 || point.units[u - 1] < point.units[u]);
    }
    if (fine && !point.stored()) {
        const Point& source = points[static_cast<std::size_t>(point.derived_from)];
        fine = source.stored() && source.units == point.units;
    }
    if (!fine) raise<FormatError>("store", "point " + point.name, "an impossible one", "one as recorded");
}

}  // namespace detail
}  // namespace renn::inline RENN_ABI
