"""delta(epsilon) of the discrete Gaussian mechanism by Google's dp_accounting 0.6.0, and epsilon(rho, delta) of zCDP: the known answers in
dp-query/src/accountant.rs. Run: pip install dp_accounting==0.6.0; python dp_accounting_delta.py"""

import numpy as np
from dp_accounting import dp_event, rdp
from dp_accounting.pld import privacy_loss_mechanism as mechanisms
from dp_accounting.pld import privacy_loss_distribution as distributions

print("# sigma, sensitivity, epsilon, delta")
for sigma, sensitivity, epsilon in [
    (1.0, 1, 1.0), (2.5, 1, 0.5), (4.22, 1, 1.0), (4.23, 1, 1.0), (10.0, 3, 1.0), (41.3, 1, 0.1), (44.4, 1, 0.1), (200.0, 7, 0.1), (900.0, 40, 0.2),
]:
    loss = mechanisms.DiscreteGaussianPrivacyLoss(sigma, sensitivity=sensitivity)
    print(f"({sigma}, {sensitivity}.0, {epsilon}, {loss.get_delta_for_epsilon(epsilon)!r}),")

print("# several places at once: [(sigma, sensitivity, times)], epsilon, delta (pessimistic)")
for parts, epsilon in [([(10.0, 1, 4)], 1.0), ([(20.0, 3, 2), (9.0, 1, 1)], 1.0), ([(30.0, 1, 10), (50.0, 4, 3)], 1.5)]:
    total = None
    for sigma, sensitivity, times in parts:
        one = distributions.from_discrete_gaussian_mechanism(sigma, sensitivity=sensitivity, value_discretization_interval=1e-6)
        one = one.self_compose(times)
        total = one if total is None else total.compose(one)
    print(f"({parts}, {epsilon}, {total.get_delta_for_epsilon(epsilon)!r}),")

print("# how many COUNTs at (0.1, 1e-7) fit under (1, 1e-5): sigma of one, then by rho and by exact composition")
low, high = 30.0, 60.0
for _ in range(60):
    middle = (low + high) / 2
    small = mechanisms.DiscreteGaussianPrivacyLoss(middle, sensitivity=1).get_delta_for_epsilon(0.1) <= 1e-7
    low, high = (low, middle) if small else (middle, high)
print("sigma", high)

print("# rho, delta, epsilon(rho, delta): the RDP accountant's conversion, its orders refined around the best one")
for rho, delta in [
    ("0.0001", "0.000001"), ("0.001", "0.0000001"), ("0.01", "0.000001"), ("0.05", "0.00001"), ("0.1", "0.00001"),
    ("0.25", "0.000001"), ("0.5", "0.0000001"), ("1", "0.000000001"), ("2.5", "0.00001"), ("5", "0.00000001"),
]:
    orders = 1 + np.logspace(-3, 6, 2001)
    for _ in range(4):
        accountant = rdp.RdpAccountant(list(orders))
        accountant.compose(dp_event.ZCDpEvent(float(rho)))
        epsilon, best = accountant.get_epsilon_and_optimal_order(float(delta))
        at = int(np.argmin(abs(orders - best)))
        orders = np.linspace(orders[max(at - 1, 0)], orders[min(at + 1, len(orders) - 1)], 2001)
    print(f'("{rho}", "{delta}", {float(epsilon)!r}),')
