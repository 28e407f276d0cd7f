# sheaf_add_operator(total total.c [more.c ...]) - build an operator as a plug-in, total.so, that
#
#     sheaf run ./total.so orders.csv
#
# loads.  Its name for sheaf is the one in SHEAF_OPERATOR(name).  It is linked to sheaf::sheaf where
# that is known, else just compiled with its headers: the program that loads it has the functions.
function(sheaf_add_operator name)
    add_library(${name} MODULE ${ARGN})
    set_target_properties(${name} PROPERTIES
        PREFIX ""
        SUFFIX .so
        C_STANDARD 11
        C_EXTENSIONS ON
        C_VISIBILITY_PRESET hidden) # a function must not be mistaken for one of the same name in sheaf
    target_compile_options(${name} PRIVATE
        -ffp-contract=off      # the same answer on every machine
        -fno-strict-aliasing)  # states and columns are bytes that are read as several types
    if(TARGET sheaf::sheaf)
        target_link_libraries(${name} PRIVATE sheaf::sheaf)
    else()
        target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/framework/include)
    endif()
endfunction()
