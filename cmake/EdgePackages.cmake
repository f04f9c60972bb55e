# The Debian packages edge-agent, edge-broker and edgectl, by CPack: `./dev package`. Their scripts and texts are in packages/.
set(sources "${PROJECT_SOURCE_DIR}/cmake/packages")
set(texts "${PROJECT_BINARY_DIR}/package_texts")
set(units "lib/systemd/system") # where Debian 12 looks for them; /lib is /usr/lib
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# --- texts: what programs and examples say of themselves --------------------------------------------------------------

# Programs of another architecture cannot be asked here; this one's, of the same sources, say the same.
set(EDGE_DOCS_BIN "${EDGE_BIN_DIR}" CACHE PATH "Programs that run here, asked for their --help")
set(pages edgectl.1 edge-probe.1 edge-agent.8 edge-launcher.8 edge-broker.8)
set(config_pages agent.toml.5 lines.toml.5 policy.toml.5 broker.toml.5)
add_custom_target(package_texts
  COMMAND ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "${sources}/texts.py"
    --version ${PROJECT_VERSION} --bin "${EDGE_DOCS_BIN}" --root "${PROJECT_SOURCE_DIR}" --out "${texts}" ${pages} ${config_pages}
  COMMENT "Manual pages and changelogs" VERBATIM)
if(EDGE_DOCS_BIN STREQUAL EDGE_BIN_DIR)
  add_dependencies(package_texts edgectl edge-probe edge-agent edge-launcher edge-broker)
endif()

function(edge_pages component)
  foreach(page ${ARGN})
    string(REGEX MATCH "[0-9]$" section ${page})
    install(FILES "${texts}/${page}.gz" DESTINATION share/man/man${section} COMPONENT ${component})
  endforeach()
endfunction()

# --- what is in them ---------------------------------------------------------------------------------------------------

install(TARGETS edge-agent edge-probe RUNTIME DESTINATION bin COMPONENT edge-agent)
install(TARGETS edge-launcher RUNTIME DESTINATION sbin COMPONENT edge-agent)
install(FILES systemd/edge-agent.service systemd/edge-launcher.service systemd/edge.slice systemd/edge-lines.slice
  DESTINATION ${units} COMPONENT edge-agent)
install(FILES systemd/sysusers.d/edge-agent.conf DESTINATION lib/sysusers.d COMPONENT edge-agent)
install(FILES systemd/tmpfiles.d/edge-agent.conf DESTINATION lib/tmpfiles.d COMPONENT edge-agent)
install(FILES systemd/sysctl.d/10-edge-agent.conf DESTINATION lib/sysctl.d COMPONENT edge-agent)
install(FILES config/agent.toml config/lines.toml config/policy.toml DESTINATION share/doc/edge-agent/examples COMPONENT edge-agent)
edge_pages(edge-agent edge-probe.1 edge-agent.8 edge-launcher.8 agent.toml.5 lines.toml.5 policy.toml.5)

install(TARGETS edge-broker RUNTIME DESTINATION bin COMPONENT edge-broker)
install(FILES systemd/edge-broker.service systemd/edge-broker.socket DESTINATION ${units} COMPONENT edge-broker)
install(FILES systemd/sysusers.d/edge-broker.conf DESTINATION lib/sysusers.d COMPONENT edge-broker)
install(FILES systemd/tmpfiles.d/edge-broker.conf DESTINATION lib/tmpfiles.d COMPONENT edge-broker)
install(FILES config/broker.toml DESTINATION share/doc/edge-broker/examples COMPONENT edge-broker)
edge_pages(edge-broker edge-broker.8 broker.toml.5)

install(TARGETS edgectl RUNTIME DESTINATION bin COMPONENT edgectl)
install(FILES cli/completions/edgectl.bash DESTINATION share/bash-completion/completions RENAME edgectl COMPONENT edgectl)
install(FILES cli/completions/_edgectl DESTINATION share/zsh/vendor-completions COMPONENT edgectl)
install(FILES cli/completions/edgectl.fish DESTINATION share/fish/vendor_completions.d COMPONENT edgectl)
edge_pages(edgectl edgectl.1)

foreach(package edge-agent edge-broker edgectl)
  install(FILES "${texts}/changelog.gz" DESTINATION share/doc/${package} COMPONENT ${package})
  install(FILES "${sources}/copyright" DESTINATION share/doc/${package} COMPONENT ${package})
  if(EXISTS "${sources}/${package}/lintian-overrides")
    install(FILES "${sources}/${package}/lintian-overrides" DESTINATION share/lintian/overrides RENAME ${package} COMPONENT ${package})
  endif()
endforeach()

# --- CPack ---------------------------------------------------------------------------------------------------------------

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_SOURCE_DIR}/build/packages")
set(CPACK_PACKAGE_CONTACT "EDGE maintainers <maintainers@edge.invalid>")
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL edge-agent edge-broker edgectl)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(users "systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")

# edge_package(NAME DEPENDS text RECOMMENDS text DESCRIPTION text): what CPack wants to know of a component.
macro(edge_package name)
  cmake_parse_arguments(ARG "" "DEPENDS;RECOMMENDS;SUMMARY;DESCRIPTION" "" ${ARGN})
  string(TOUPPER ${name} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${upper}_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${ARG_DEPENDS}")
  set(CPACK_DEBIAN_${upper}_PACKAGE_RECOMMENDS "${ARG_RECOMMENDS}")
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${ARG_SUMMARY}\n${ARG_DESCRIPTION}")
  file(GLOB scripts "${sources}/${name}/postinst" "${sources}/${name}/prerm" "${sources}/${name}/postrm")
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA "${scripts}")
endmacro()

edge_package(edge-agent DEPENDS "ca-certificates, ${users}" RECOMMENDS "nftables"
  SUMMARY "probes and services on a named line of this machine"
  DESCRIPTION "The agent of EDGE: it opens no port, dials one WebSocket to its broker, and
runs DNS, HTTP and ping probes in sandboxes that the kernel holds to one of
the machine's uplinks. Every answer carries the evidence of the way it went.
.
edge-agent has no privilege; edge-launcher, root with five capabilities,
makes the lines and the sandboxes; edge-probe is what runs in them.")
edge_package(edge-broker DEPENDS "ca-certificates, ${users}" RECOMMENDS "edgectl"
  SUMMARY "where the agents of EDGE dial in: jobs, results, API and console"
  DESCRIPTION "The broker of EDGE: agents on edge machines dial in at its gateway; people
and programs use its REST API, live events, webhooks, Prometheus metrics and
web console. It keeps everything in one SQLite file.")
edge_package(edgectl RECOMMENDS "ca-certificates"
  SUMMARY "command line of EDGE: probes from named lines of many machines"
  DESCRIPTION "Asks the broker of EDGE for DNS, HTTP and ping probes from chosen lines of its
nodes, shows their answers as they come, and manages nodes, join tokens,
recurring jobs and webhooks.")
include(CPack)
