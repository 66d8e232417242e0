// Tells torch that there is one CUDA device with one stream, so that a build for the CPU lets tensors claim to be on it.
// The card's own streams are kept in Python.

#include <c10/core/Stream.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace {

const c10::Device card(c10::DeviceType::CUDA, 0);
const c10::Stream only(c10::Stream::DEFAULT, card);

class OneCard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return c10::DeviceType::CUDA; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }

  c10::Device getDevice() const override { return card; }
  c10::Device exchangeDevice(c10::Device) const override { return card; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}

  c10::Stream getStream(c10::Device) const override { return only; }
  c10::Stream getNewStream(c10::Device, int) const override { return only; }
  c10::Stream exchangeStream(c10::Stream) const override { return only; }
};

C10_REGISTER_GUARD_IMPL(CUDA, OneCard);

}  // namespace
