#pragma once

namespace edgeward::test {

// Clang says it otherwise than GCC.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define EDGEWARD_INSTRUMENTED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EDGEWARD_INSTRUMENTED
#endif

/// Built with a sanitizer, which takes ten times as long: what is only more of the same is then
/// done less often.
#ifdef EDGEWARD_INSTRUMENTED
inline constexpr bool kIsInstrumented = true;
#else
inline constexpr bool kIsInstrumented = false;
#endif

}  // namespace edgeward::test
