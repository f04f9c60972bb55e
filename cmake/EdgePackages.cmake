# The Debian packages edge-agent, edge-broker and edgectl, by CPack: `./dev package`. Their scripts and texts are in packages/.
set(sources "${PROJECT_SOURCE_DIR}/cmake/packages")
set(texts "${PROJECT_BINARY_DIR}/package_texts")
set(units "lib/systemd/system") # where Debian 12 looks for them; /lib is /usr/lib
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# --- texts: what programs and examples say of themselves --------------------------------------------------------------

set(pages edgectl.1 edge-probe.1 edge-agent.8 edge-launcher.8 edge-broker.8)
set(config_pages agent.toml.5 lines.toml.5 policy.toml.5 broker.toml.5)
add_custom_target(package_texts
  COMMAND ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "${sources}/texts.py"
    --version ${PROJECT_VERSION} --bin "${EDGE_BIN_DIR}" --root "${PROJECT_SOURCE_DIR}" --out "${texts}" ${pages} ${config_pages}
  COMMENT "Manual pages and changelogs" VERBATIM)
add_dependencies(package_texts edgectl edge-probe edge-agent edge-launcher edge-broker)

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
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own

set(users "ca-certificates, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_EDGE-AGENT_PACKAGE_DEPENDS "${users}")
set(CPACK_DEBIAN_EDGE-AGENT_PACKAGE_RECOMMENDS nftables) # where BPF does not work
set(CPACK_DEBIAN_EDGE-BROKER_PACKAGE_DEPENDS "${users}")
set(CPACK_DEBIAN_EDGE-BROKER_PACKAGE_RECOMMENDS edgectl)
set(CPACK_DEBIAN_EDGECTL_PACKAGE_RECOMMENDS ca-certificates)
foreach(package ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${package} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package})
  set(CPACK_DEBIAN_${upper}_FILE_NAME DEB-DEFAULT)
  file(READ "${sources}/${package}/description" CPACK_DEBIAN_${upper}_DESCRIPTION)
  file(GLOB CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA "${sources}/${package}/p*")
endforeach()
include(CPack)
