# SPDX-License-Identifier: MIT
# Builds and runs the consumer in a fresh folder `scratch`, against renn installed there or against its source.
function(run)
    execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${scratch})
if(way STREQUAL "installed")
    run(${CMAKE_COMMAND} --install ${renn_build} --prefix ${scratch}/prefix)
    set(where -DCMAKE_PREFIX_PATH=${scratch}/prefix -DRENN_VERSION=${version})
else()
    set(where -DRENN_SOURCE=${renn_source})
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${scratch}/build -G ${generator} -DCMAKE_CXX_COMPILER=${compiler}
    ${where})
run(${CMAKE_COMMAND} --build ${scratch}/build)
run(${scratch}/build/consumer)
