# Run by `cmake --install`: writes the files that name the folders they are installed to.
# As in any distribution, what belongs to /usr or /usr/local is configured in /etc.
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr(/local)?/?$")
  set(etc /etc)
else()
  set(etc ${CMAKE_INSTALL_PREFIX}/etc)
endif()
set(bin ${CMAKE_INSTALL_PREFIX}/bin)
set(share ${CMAKE_INSTALL_PREFIX}/share/edgeward)

set(unit ${CMAKE_INSTALL_PREFIX}/lib/systemd/system/edgeward.service)
message(STATUS "Installing: $ENV{DESTDIR}${unit}")
configure_file(${EDGEWARD_DATA}/systemd/edgeward.service.in $ENV{DESTDIR}${unit} @ONLY)
list(APPEND CMAKE_INSTALL_MANIFEST_FILES ${unit})

# The example configuration with paths that hold in its new place. One that is there stays.
file(READ ${EDGEWARD_DATA}/config/edgeward.yaml config)
string(REPLACE "../" "${share}/" config "${config}")
string(REPLACE "# state_dir:" "state_dir:" config "${config}")
set(config_file $ENV{DESTDIR}${etc}/edgeward/edgeward.yaml)
if(EXISTS ${config_file})
  message(STATUS "Kept: ${config_file}")
else()
  message(STATUS "Installing: ${config_file}")
  file(WRITE ${config_file} "${config}")
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES ${etc}/edgeward/edgeward.yaml)
endif()
