# How everything here is compiled: one interface library for our own targets, none of it for users.
find_package(ZLIB REQUIRED)
find_path(SHEAF_CSV_INCLUDE csv.h REQUIRED)
find_library(SHEAF_CSV_LIBRARY csv REQUIRED)

add_library(sheaf_build INTERFACE)
target_compile_definitions(sheaf_build INTERFACE _GNU_SOURCE)
target_compile_options(sheaf_build INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wcast-qual
    -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla
    -Wformat=2 -Werror=format-security
    -ffp-contract=off # one answer: no fused multiply-add where only some machines have it
    -fopenmp-simd     # the pragmas of kernel/, with or without the OpenMP runtime
    -fno-strict-aliasing # columns and states are bytes that are read as several types
    -fstack-protector-strong
    $<$<BOOL:${SHEAF_WERROR}>:-Werror>)
target_include_directories(sheaf_build INTERFACE
    ${PROJECT_SOURCE_DIR}/framework/include ${PROJECT_SOURCE_DIR}/framework
    ${PROJECT_BINARY_DIR}/generated)
if(SHEAF_SANITIZE)
    target_compile_options(sheaf_build INTERFACE
        -fsanitize=${SHEAF_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g
        -UNDEBUG) # our own mistakes are asserted
    target_link_options(sheaf_build INTERFACE -fsanitize=${SHEAF_SANITIZE})
endif()
if(SHEAF_OPENMP)
    find_package(OpenMP COMPONENTS C)
endif()
include(CheckIPOSupported)

# sheaf_room(kernel USES base SOURCES a.c b.c [LIBRARIES zlib]) - a folder of framework/.
# Each room is an object library of its own, so that its tests link just what it may use.
define_property(GLOBAL PROPERTY SHEAF_ROOMS)
function(sheaf_room name)
    cmake_parse_arguments(ROOM "" "" "USES;SOURCES;LIBRARIES" ${ARGN})
    add_library(sheaf_${name} OBJECT ${ROOM_SOURCES})
    target_link_libraries(sheaf_${name} PRIVATE sheaf_build ${ROOM_LIBRARIES})
    set_property(TARGET sheaf_${name} PROPERTY SHEAF_USES "${ROOM_USES}")
    set_property(TARGET sheaf_${name} PROPERTY SHEAF_LIBRARIES "${ROOM_LIBRARIES}")
    set_property(GLOBAL APPEND PROPERTY SHEAF_ROOMS ${name})
endfunction()

# sheaf_link_rooms(target room...) - link a program to the objects of these rooms and of all they use.
function(sheaf_link_rooms target)
    set(todo ${ARGN})
    set(done "")
    while(todo)
        list(POP_FRONT todo room)
        if(room IN_LIST done)
            continue()
        endif()
        list(APPEND done ${room})
        get_property(uses TARGET sheaf_${room} PROPERTY SHEAF_USES)
        get_property(libraries TARGET sheaf_${room} PROPERTY SHEAF_LIBRARIES)
        list(APPEND todo ${uses})
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:sheaf_${room}>)
        target_link_libraries(${target} PRIVATE ${libraries})
    endwhile()
    target_link_libraries(${target} PRIVATE m pthread ${CMAKE_DL_LIBS})
endfunction()
