# Writes OUTPUT with the commit that SOURCE is at ("-modified" with local changes).
execute_process(COMMAND git -c safe.directory=* -C ${SOURCE} describe --always --abbrev=12 --dirty=-modified --exclude=*
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit "unknown")
endif()
set(text "#define SADDLESWEEP_GIT_COMMIT \"${commit}\"\n")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
