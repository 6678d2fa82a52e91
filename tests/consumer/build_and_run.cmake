# SPDX-License-Identifier: MIT
# Builds and runs the consumer in a fresh folder `scratch`: it takes in renn in one `way`.
function(run)
    execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${scratch})
if(way STREQUAL "pkg_config")
    # Installed below DESTDIR, in folders of its own choice; used there, though it was configured for another place.
    set(ENV{DESTDIR} ${scratch}/root)
    run(${CMAKE_COMMAND} -S ${renn_source} -B ${scratch}/renn -G ${generator} -DCMAKE_CXX_COMPILER=${compiler}
        -DRENN_BUILD_TESTS=OFF -DRENN_BUILD_EXAMPLES=OFF
        -DCMAKE_INSTALL_PREFIX=/opt/renn -DCMAKE_INSTALL_INCLUDEDIR=headers/of-renn)
    run(${CMAKE_COMMAND} --build ${scratch}/renn --target install)
    set(ENV{PKG_CONFIG_PATH} ${scratch}/root/opt/renn/share/pkgconfig)
    set(ENV{CXX} ${compiler})
    file(MAKE_DIRECTORY ${scratch}/build)
    run(make -C ${scratch}/build -f ${CMAKE_CURRENT_LIST_DIR}/Makefile SOURCES=${CMAKE_CURRENT_LIST_DIR})
    run(${scratch}/build/consumer)

    foreach(folder IN ITEMS headers/of-renn/renn share/cmake/renn share/pkgconfig)
        if(NOT IS_DIRECTORY ${scratch}/root/opt/renn/${folder})
            message(FATAL_ERROR "${folder} was not installed")
        endif()
    endforeach()
    run(${CMAKE_COMMAND} --build ${scratch}/renn --target uninstall)
    file(GLOB_RECURSE left LIST_DIRECTORIES true ${scratch}/root/opt/*)
    if(left)
        message(FATAL_ERROR "uninstalling leaves ${left}")
    endif()
    return()
endif()

set(where -DWAY=${way})
if(way STREQUAL "installed")
    run(${CMAKE_COMMAND} --install ${renn_build} --prefix ${scratch}/prefix)
    list(APPEND where -DCMAKE_PREFIX_PATH=${scratch}/prefix -DRENN_VERSION=${version})
elseif(way STREQUAL "build_tree")
    list(APPEND where -Drenn_DIR=${renn_build} -DRENN_VERSION=${version})
else()
    list(APPEND where -DRENN_SOURCE=${renn_source})
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${scratch}/build -G ${generator} -DCMAKE_CXX_COMPILER=${compiler}
    -DCMAKE_CXX_STANDARD=${standard} ${where})
run(${CMAKE_COMMAND} --build ${scratch}/build)
run(${scratch}/build/consumer)
if(way STREQUAL "subdirectory")
    run(${scratch}/build/eigen_user)
endif()
