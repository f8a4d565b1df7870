# Run by CPack between installing into its folder and packing that: what Debian has otherwise.
set(root ${CPACK_TEMPORARY_DIRECTORY})
set(doc ${root}/usr/share/doc/edgeward)
file(REMOVE ${doc}/LICENSE)  # Debian has the Apache license once for all
configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog ${doc}/changelog.Debian COPYONLY)
execute_process(
  COMMAND gzip -9n ${doc}/changelog.Debian ${root}/usr/share/man/man1/edgeward.1
  COMMAND_ERROR_IS_FATAL ANY)
file(MAKE_DIRECTORY ${root}/lib/systemd)
file(RENAME ${root}/usr/lib/systemd/system ${root}/lib/systemd/system)
file(REMOVE_RECURSE ${root}/usr/lib/systemd)
file(RENAME ${root}/usr/share/zsh/site-functions ${root}/usr/share/zsh/vendor-completions)
# Whatever the umask was.
execute_process(COMMAND chmod -R go=u-w ${root} COMMAND_ERROR_IS_FATAL ANY)
